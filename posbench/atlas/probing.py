"""What the hooks of an encoding give at positions of one's choosing: what its pictures are made of.

All of them take an encoding with its dimensions and parameters bound, and compile what they ask of it: one program is
made sooner than one for each of its operations.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from posbench.encodings import base
from posbench.models import attention

QUERIES = 64  # at least so many random ones, for scores
SEQUENCES = 32  # of random token vectors, for attention


def compiled(encoding: base.PositionEncoding, function: Callable) -> Callable:
    """function(encoding, *arrays) as one program of the arrays."""
    # One without parameters need not be bound.
    unbound, variables = (encoding, {}) if encoding.scope is None else encoding.unbind()
    # Bound inside, because Flax allows no module of one trace in another.
    program = jax.jit(lambda variables, *arrays: function(unbound.bind(variables), *arrays))
    return functools.partial(program, variables)


def position_vectors(encoding: base.PositionEncoding, pos_BN: jax.Array) -> tuple[np.ndarray, bool]:
    """What is added to a token, float64 [N, D]; where that is nothing, one random token at each position, and True."""
    embed = compiled(encoding, lambda encoding, x_BND, pos_BN: encoding.embed(x_BND, pos_BN))

    def vectors_ND(x_D):
        x_BND = np.broadcast_to(x_D, (1, pos_BN.shape[1], encoding.width))
        return np.asarray(embed(x_BND, pos_BN), np.float64)[0]

    added_ND = vectors_ND(np.zeros(encoding.width, np.float32))
    if np.nan_to_num(added_ND).any():
        return added_ND, False
    return vectors_ND(jax.random.normal(jax.random.key(0), (encoding.width,))), True


class Scores(NamedTuple):
    """How much one query heeds each key, of every head; `is_term`: by positions alone, whatever the key is."""

    of_keys_HM: np.ndarray
    is_term: bool


def scores(encoding: base.PositionEncoding, pos_k_BM: jax.Array, query: int) -> Scores | None:
    """Logits of random queries at the place of key number `query`; None where neither positions nor keys change them.

    Rotations: the mean for a key equal to the query. Position terms of queries (relative keys): their root mean square,
    because their mean is nothing.
    """
    q_BLHK = _queries(encoding.heads, encoding.head_width)
    shape, keys = q_BLHK.shape, pos_k_BM.shape[1]

    @functools.partial(compiled, encoding)
    def of_some(encoding, pos_k_BM, q_BLHK, key_BLHK):
        aux_k = aux_of(encoding, jnp.zeros((1, keys, encoding.width)), pos_k_BM)
        aux_q, pos_q_BL = jax.tree.map(lambda x: x[:, query : query + 1], (aux_k, pos_k_BM))
        keys_BMHK = jnp.broadcast_to(key_BLHK, (len(q_BLHK), keys, *shape[2:]))
        q = encoding.rotate(q_BLHK, pos_q_BL, 'query', aux_q) * shape[-1] ** -0.5
        k = encoding.rotate(keys_BMHK, pos_k_BM, 'key', aux_k)
        block, carry = base.Block(q, k, pos_q_BL, pos_k_BM, aux_q, aux_k), encoding.first_carry(q)
        logits_BHLM, carry = encoding.product(block, carry)
        logits_BHLM, _ = encoding.score(logits_BHLM, block, carry)
        return logits_BHLM[:, :, 0]

    def logits_BHM(key_BLHK):
        # A few at a time: rotated keys may be wider than keys, and all at once could need more memory than training.
        parts = range(0, shape[0], 8)
        return np.concatenate([of_some(pos_k_BM, q_BLHK[at : at + 8], key_BLHK[at : at + 8]) for at in parts])

    of_nothing_BHM = logits_BHM(np.zeros_like(q_BLHK))
    if np.abs(of_nothing_BHM).max() > 1e-6:
        return Scores(np.sqrt((of_nothing_BHM**2).mean(axis=0)), is_term=True)
    equal_HM = logits_BHM(q_BLHK).mean(axis=0)
    return Scores(equal_HM, is_term=False) if equal_HM[:, query].all() else None


def attention_weights(encoding: base.PositionEncoding, length: int) -> np.ndarray:
    """The last query's weights of all keys, oldest first, float32 [SEQUENCES, H, length]."""
    weights_BHM = np.asarray(compiled(encoding, functools.partial(_attention_weights, length=length))())
    return weights_BHM if encoding.normaliser == 'exp' else weights_BHM / weights_BHM.sum(axis=-1, keepdims=True)


def _attention_weights(encoding: base.PositionEncoding, length: int) -> jax.Array:
    rngs = jax.random.split(jax.random.key(1), 3)
    x_BLD = jax.random.normal(rngs[0], (SEQUENCES, length, encoding.width))
    pos_BL, order = lifted(encoding, jnp.arange(length, dtype=jnp.int32)[None]), attention.sequence_order(length)
    if encoding.has('embed'):
        x_BLD = encoding.embed(x_BLD, pos_BL)
    if encoding.has('enter'):
        x_BLD = encoding.enter(x_BLD, x_BLD, pos_BL, order, order, jnp.int32(0))
    x_BLD = x_BLD / jnp.sqrt((x_BLD**2).mean(axis=-1, keepdims=True) + 1e-6)
    shape = (encoding.width, encoding.heads, encoding.head_width)
    q_BLHK, k_BMHK = (
        jnp.einsum('BLD,DHK->BLHK', x, jax.random.normal(rng, shape) * encoding.width**-0.5)
        for x, rng in zip((x_BLD[:, -1:], x_BLD), rngs[1:])
    )
    aux_k = aux_of(encoding, x_BLD, pos_BL)
    aux_q, pos_q, order_q = jax.tree.map(lambda x: x[:, -1:], (aux_k, pos_BL, order))
    listener = _Listener(encoding)
    attention.attend(
        q_BLHK,
        k_BMHK,
        k_BMHK[..., :1],
        encoding=listener,
        pos_q_BL=pos_q,
        pos_k_BM=pos_BL,
        aux_q=aux_q,
        aux_k=aux_k,
        order_q=order_q,
        order_k=order,
    )
    return listener.weights_BHLM[:, :, 0]


class _Listener:
    """An encoding in all but `value`, which keeps the weights that it is shown and adds nothing."""

    def __init__(self, encoding: base.PositionEncoding):
        self.encoding = encoding

    def __getattr__(self, name: str) -> Any:
        return getattr(self.encoding, name)

    def value(self, weights_BHLM, block):
        self.weights_BHLM = weights_BHLM


def reads_content(encoding: base.PositionEncoding) -> bool:
    """Whether what it adds to attention depends on the tokens by more than their queries and keys."""
    if encoding.needs_causal or encoding.halo:
        return True
    if not (encoding.has('aux') or encoding.has('accumulate')):
        return False
    pos_BL = lifted(encoding, jnp.arange(8, dtype=jnp.int32)[None])
    x_BLD = np.asarray(jax.random.normal(jax.random.key(0), (2, 8, encoding.width)))
    aux = compiled(encoding, aux_of)
    one, other = (jax.tree.leaves(aux(x_BLD[i : i + 1], pos_BL)) for i in range(2))
    return any(not np.array_equal(a, b) for a, b in zip(one, other))


def aux_of(encoding: base.PositionEncoding, x_BLD: jax.Array, pos_BL: jax.Array) -> Any:
    """What the hooks of attention get to know of whole sequences."""
    return encoding.accumulate(encoding.aux(x_BLD, pos_BL), pos_BL, attention.sequence_order(x_BLD.shape[1]))


def lifted(encoding: base.PositionEncoding, pos_BL: jax.Array) -> jax.Array:
    """The same number in every coordinate."""
    return pos_BL if encoding.axes == 1 else jnp.stack([pos_BL] * encoding.axes, axis=-1)


def _queries(heads: int, head_width: int) -> np.ndarray:
    """float32 [QUERIES or a few more, 1, H, K]: random directions at right angles, so that few have an exact mean."""
    bases = -(-QUERIES // head_width)
    drawn = np.random.default_rng(0).normal(size=(heads, bases, head_width, head_width))
    unit_HNKK = np.linalg.qr(drawn)[0] * head_width**0.5
    return np.moveaxis(unit_HNKK.reshape(heads, -1, head_width), 0, 1)[:, None].astype(np.float32)
