"""A small model around an encoding. Parameters and compiled functions are shared by the whole suite."""

import dataclasses
import functools
import zlib

import jax
import jax.numpy as jnp
import numpy as np

from posbench.bodies import decoder, encoder
from posbench.models import attention, build
from posbench.models.model import Model
from posbench.positions import documents

VOCABULARY, BATCH, LENGTH = 40, 4, 24
# As one program; each of its operations would be compiled for itself.
packed = jax.jit(documents.packed)


def model(encoding, **changes) -> Model:
    """A decoder of two layers (or as many kinds of layers as there are) of width 32 with four heads, unless changed."""
    layers = max(2, encoding.period)
    fields = dict(vocabulary=VOCABULARY, encoding=encoding, layers=layers, width=32, heads=4, hidden=64)
    return build.language_model(**(fields | changes))


def changed(model, **fields) -> Model:
    """The model with other fields of its body."""
    return model.clone(body=model.body.clone(**fields))


def fewest_layers(encoding) -> int:
    """One of each kind, and two where the encoding may act between layers: what holds for these holds for many."""
    return max(encoding.period, 2 if encoding.has('enter') else 1)


def shallow(encoding, **changes) -> Model:
    """A model with as few layers as show all that the encoding does."""
    return model(encoding, layers=fewest_layers(encoding), **changes)


def lift(encoding, pos):
    """Positions with as many coordinates as the encoding reads: p, 2p + 5, 3p + 10, ..., on a line past the origin."""
    if encoding.axes == 1 or isinstance(pos, tuple) or pos.ndim == 3:
        return pos
    stack = np.stack if isinstance(pos, np.ndarray) else jnp.stack
    return stack([pos * (axis + 1) + 5 * axis for axis in range(encoding.axes)], axis=-1)


def attended(encoding, q_BLHK, k_BLHK, v_BLHK, x_BLD, pos_BL, **options):
    """One layer's attention over whole sequences, by an encoding with its parameters bound."""
    order, pos_BL = attention.sequence_order(x_BLD.shape[1]), lift(encoding, pos_BL)
    aux = encoding.accumulate(encoding.aux(x_BLD, pos_BL), pos_BL, order)
    places = dict(pos_q_BL=pos_BL, pos_k_BM=pos_BL, aux_q=aux, aux_k=aux)
    return attention.attend(q_BLHK, k_BLHK, v_BLHK, encoding=encoding, **places, **options)


@functools.cache
def params(model) -> dict:
    """Random parameters of every size but zero, so that tables and gains that start at 0 or 1 are heard too.

    A leaf depends on its path and shape alone: variants of a model have the same values.
    """
    # None of these changes a parameter, and each variant would be traced for itself.
    model = changed(model, block_size=None, remat=False, dropout=0.0)
    if isinstance(model.body, encoder.Body) and not model.encoding.needs_causal:
        names = {field.name for field in dataclasses.fields(model.body)} - {'parent', 'name'}
        model = model.clone(body=decoder.Body(**{name: getattr(model.body, name) for name in names}))
    return _params(model)


@functools.cache
def _params(model) -> dict:
    pos = lift(model.encoding, positions(1, 2))
    shapes = jax.eval_shape(model.init, jax.random.key(0), tokens(1, 2), pos)
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
    # Not jnp.asarray, which compiles a program for each shape.
    return jax.device_put(np.asarray(drawn, leaf.dtype))


def by_path(params) -> dict[str, np.ndarray]:
    """Leaves by their paths."""
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in jax.tree.leaves_with_path(params)}


def stacked(variables: dict, period: int = 1) -> dict:
    """The parameters of separate layers as those of scanned ones, `period` of them at a time."""
    shared = {name: value for name, value in variables['params'].items() if not name.startswith('block_')}
    layers = [variables['params'][f'block_{index}'] for index in range(len(variables['params']) - len(shared))]

    def stack(layers):
        return jax.tree.map(lambda *leaves: jax.device_put(np.stack(leaves)), *layers)

    if period == 1:
        return {'params': shared | {'blocks': stack(layers)}}
    kinds = {f'block_{place}': stack(layers[place::period]) for place in range(period)}
    return {'params': shared | {'blocks': kinds}}


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
    return np.asarray(_apply(model, variables, tokens_BL, lift(model.encoding, pos_BL), segment_ids_BL))


@functools.partial(jax.jit, static_argnums=0)
def _apply(model, variables, tokens_BL, pos_BL, segment_ids_BL):
    return model.apply(variables, tokens_BL, pos_BL, segment_ids_BL)


def loss(model, variables, tokens_BL, pos_BL) -> jax.Array:
    """One number that hears every logit, each with its own weight."""
    logits_BLV = model.apply(variables, tokens_BL, lift(model.encoding, pos_BL))
    weights_BLV = np.random.default_rng(1).normal(size=logits_BLV.shape).astype(np.float32)
    return jnp.vdot(logits_BLV, weights_BLV) / logits_BLV.size


value_and_gradient = jax.jit(jax.value_and_grad(loss, argnums=1), static_argnums=0)


@functools.partial(jax.jit, static_argnums=0)
def step(model, variables, tokens_BL, pos_BL, segment_ids_BL, cache):
    """One call with a cache: (logits, cache)."""
    return model.apply(variables, tokens_BL, lift(model.encoding, pos_BL), segment_ids_BL, cache=cache)


@functools.partial(jax.jit, static_argnums=0)
def with_dropout(model, variables, tokens_BL, pos_BL, rows_B, rng):
    """Logits with dropout on."""
    pos_BL = lift(model.encoding, pos_BL)
    return model.apply(variables, tokens_BL, pos_BL, rows_B=rows_B, rngs={'dropout': rng})
