"""A decoder in Flax linen as one writes it in an afternoon: one device, and attention with all L^2 logits."""

import math
import time
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.peers.turns import Clock


def alibi(length: int, heads: int) -> jax.Array:
    """[H, L, L]."""
    distance_LM = jnp.arange(length)[:, None] - jnp.arange(length)[None, :]
    return -(2.0 ** (-8.0 * jnp.arange(1, heads + 1) / heads))[:, None, None] * distance_LM


def buckets(length: int, count: int = 32, furthest: int = 128) -> np.ndarray:
    """T5's bucket of each pair, of a decoder, [L, L]."""
    distance_LM = np.maximum(np.arange(length)[:, None] - np.arange(length)[None, :], 0)
    exact = count // 2
    large = exact + np.log(np.maximum(distance_LM, 1) / exact) / math.log(furthest / exact) * (count - exact)
    return np.where(distance_LM < exact, distance_LM, np.minimum(large.astype(int), count - 1))


def turned(x_BLHK: jax.Array) -> jax.Array:
    """Pairs c and c + K/2 turned by the place of the token."""
    length, head_width = x_BLHK.shape[1], x_BLHK.shape[-1]
    angle_LC = jnp.arange(length)[:, None] * 10_000.0 ** (-jnp.arange(0, head_width, 2) / head_width)
    cos, sin = jnp.cos(angle_LC)[:, None], jnp.sin(angle_LC)[:, None]
    a, b = jnp.split(x_BLHK, 2, axis=-1)
    return jnp.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)


class Decoder(nn.Module):
    """Token vectors, blocks, a norm, and logits from the token vectors."""

    encoding: str
    width: int
    layers: int
    heads: int
    hidden: int
    vocabulary: int

    @nn.compact
    def __call__(self, tokens_BL):
        length, head_width = tokens_BL.shape[1], self.width // self.heads
        vectors = nn.Embed(self.vocabulary, self.width)
        h_BLD, bias_HLM = vectors(tokens_BL), jnp.zeros((1, 1, 1))
        if self.encoding == 'alibi':
            bias_HLM = alibi(length, self.heads)
        elif self.encoding == 't5':
            bias_HLM = jnp.moveaxis(nn.Embed(32, self.heads)(buckets(length)), 2, 0)
        causal_LM = jnp.tril(jnp.ones((length, length), bool))
        for _ in range(self.layers):
            x_BLD = nn.LayerNorm(use_bias=False)(h_BLD)
            q, k, v = (nn.DenseGeneral((self.heads, head_width), use_bias=False)(x_BLD) for _ in range(3))
            if self.encoding == 'rotary':
                q, k = turned(q), turned(k)
            logits_BHLM = jnp.einsum('BLHK,BMHK->BHLM', q, k) / math.sqrt(head_width) + bias_HLM
            weights_BHLM = jax.nn.softmax(jnp.where(causal_LM, logits_BHLM, -1e30))
            mixed_BLHK = jnp.einsum('BHLM,BMHK->BLHK', weights_BHLM, v)
            h_BLD += nn.DenseGeneral(self.width, axis=(-2, -1), use_bias=False)(mixed_BLHK)
            x_BLD = nn.LayerNorm(use_bias=False)(h_BLD)
            h_BLD += nn.Dense(self.width, use_bias=False)(nn.gelu(nn.Dense(self.hidden, use_bias=False)(x_BLD)))
        return vectors.attend(nn.LayerNorm(use_bias=False)(h_BLD))


def train(
    report: Callable,
    encoding: str,
    width: int,
    layers: int,
    heads: int,
    hidden: int,
    vocabulary: int,
    length: int,
    batch: int,
    steps: int,
) -> None:
    """A turn is `steps` steps by AdamW, each a call of the compiled step."""
    before = time.perf_counter()
    model, optimizer = Decoder(encoding, width, layers, heads, hidden, vocabulary), optax.adamw(1e-3)
    tokens_BL = jax.random.randint(jax.random.key(0), (batch, length + 1), 0, vocabulary)
    params = jax.jit(model.init)(jax.random.key(1), tokens_BL[:, :-1])

    def loss(params):
        logits_BLV = model.apply(params, tokens_BL[:, :-1])
        return optax.softmax_cross_entropy_with_integer_labels(logits_BLV, tokens_BL[:, 1:]).mean()

    @jax.jit
    def step(params, opt_state):
        value, grads = jax.value_and_grad(loss)(params)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return optax.apply_updates(params, updates), opt_state, value

    params, opt_state, value = jax.block_until_ready(step(params, optimizer.init(params)))
    report(dict(compile=time.perf_counter() - before))
    while True:
        clock = Clock()
        for _ in range(steps):
            params, opt_state, value = step(params, opt_state)
        jax.block_until_ready(value)
        report(clock.read(steps) | dict(loss=float(value)))
