"""A small model around an encoding. Parameters and compiled functions are shared by the whole suite."""

import functools
import zlib

import jax
import jax.numpy as jnp
import numpy as np

from posbench.transformer import Transformer

VOCABULARY, BATCH, LENGTH = 40, 4, 24


def model(encoding, **changes) -> Transformer:
    """Two layers of width 32 with four heads, unless changed."""
    fields = dict(vocabulary=VOCABULARY, encoding=encoding, layers=2, width=32, heads=4, hidden=64)
    return Transformer(**(fields | changes))


@functools.cache
def params(model) -> dict:
    """Random parameters of every size but zero, so that tables and gains that start at 0 or 1 are heard too.

    A leaf depends on its path and shape alone: variants of a model have the same values.
    """
    shapes = jax.eval_shape(model.init, jax.random.key(0), tokens(1, 2), positions(1, 2))
    return jax.tree_util.tree_map_with_path(_random_leaf, shapes)


def _random_leaf(path, leaf):
    path = jax.tree_util.keystr(path)
    drawn = np.random.default_rng(zlib.crc32(path.encode())).normal(size=leaf.shape)
    if 'position_encoding' in path:
        drawn = 0.3 * drawn
    elif 'scale' in path:
        drawn = 1.0 + 0.2 * drawn
    else:
        out = leaf.shape[1:] if any(name in path for name in ('query', 'key', 'value')) else leaf.shape[-1:]
        drawn = drawn * (np.prod(out) / np.prod(leaf.shape)) ** 0.5
    return jnp.asarray(drawn, leaf.dtype)


def stacked(variables: dict) -> dict:
    """The parameters of separate layers as those of scanned ones."""
    shared = {name: value for name, value in variables['params'].items() if not name.startswith('block_')}
    layers = [variables['params'][f'block_{index}'] for index in range(len(variables['params']) - len(shared))]
    return {'params': shared | {'blocks': jax.tree.map(lambda *leaves: jnp.stack(leaves), *layers)}}


def tokens(batch: int = BATCH, length: int = LENGTH, seed: int = 0) -> np.ndarray:
    """Random token ids."""
    return np.random.default_rng(seed).integers(0, VOCABULARY, (batch, length), dtype=np.int32)


def positions(batch: int = BATCH, length: int = LENGTH) -> np.ndarray:
    """0, 1, 2, ... in every row."""
    return np.tile(np.arange(length, dtype=np.int32), (batch, 1))


def logits(model, tokens_BL, pos_BL, segment_ids_BL=None, *, variables=None) -> np.ndarray:
    """What the model says; without segments every row is one document."""
    variables = params(model) if variables is None else variables
    segment_ids_BL = np.zeros_like(tokens_BL) if segment_ids_BL is None else segment_ids_BL
    return np.asarray(_apply(model, variables, tokens_BL, pos_BL, segment_ids_BL))


@functools.partial(jax.jit, static_argnums=0)
def _apply(model, variables, tokens_BL, pos_BL, segment_ids_BL):
    return model.apply(variables, tokens_BL, pos_BL, segment_ids_BL)


def loss(model, variables, tokens_BL, pos_BL) -> jax.Array:
    """One number that hears every logit, each with its own weight."""
    logits_BLV = model.apply(variables, tokens_BL, pos_BL)
    weights_BLV = np.random.default_rng(1).normal(size=logits_BLV.shape).astype(np.float32)
    return jnp.vdot(logits_BLV, weights_BLV) / logits_BLV.size


value_and_gradient = jax.jit(jax.value_and_grad(loss, argnums=1), static_argnums=0)


@functools.partial(jax.jit, static_argnums=0)
def step(model, variables, tokens_BL, pos_BL, segment_ids_BL, cache):
    """One call with a cache: (logits, cache)."""
    return model.apply(variables, tokens_BL, pos_BL, segment_ids_BL, cache=cache)


@functools.partial(jax.jit, static_argnums=0)
def with_dropout(model, variables, tokens_BL, pos_BL, rows_B, rng):
    """Logits with dropout on."""
    return model.apply(variables, tokens_BL, pos_BL, rows_B=rows_B, rngs={'dropout': rng})
