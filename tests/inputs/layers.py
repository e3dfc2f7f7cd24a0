"""An input layer by itself, with random parameters of every size but zero."""

import jax
import jax.numpy as jnp
import numpy as np

from posbench import encodings, inputs
from tests.encodings import small

V, D, LENGTH = 11, 8, 5
TOKENS = np.array([[3, 0, 10, 3, 7], [1, 2, 3, 4, 5]], np.int32)
POS = np.array([[0, 1, 2, 5, 9], [4, 3, 2, 1, 0]], np.int32)


def build(combine='add', **options):
    """The layer for tokens; options that no config sets are the model's."""
    house = {'vocabulary': V, 'width': D} | {name: options.pop(name) for name in HOUSE if name in options}
    return inputs.build('tokens', combine=combine, **options).clone(**house)


HOUSE = ('vocabulary', 'width', 'dtype', 'style', 'first', 'source', 'feature_count')


def bound(layer, name, **options):
    """An encoding as a body gives it to the layer, and its parameters."""
    one = encodings.build(name, **options).sized(layer.width, 2, embedded=layer.combination().embedded)
    params = drawn({'position_encoding': jax.eval_shape(one.init_params, jax.random.key(0))})['position_encoding']
    return one.with_params(params), params


def drawn(shapes):
    """A value for each shape, which depends on its path and shape alone."""
    return jax.tree_util.tree_map_with_path(small._random_leaf, shapes)


def run(layer, encoding, tokens_BL=TOKENS, pos=POS, params=None, **more):
    """(x_BLD, the layer's parameters)"""
    given = (jnp.asarray(tokens_BL), jax.tree.map(jnp.asarray, pos), encoding)
    if params is None:
        params = drawn(jax.eval_shape(lambda: layer.init(jax.random.key(0), *given, **more)))['params']
    return np.asarray(layer.apply({'params': params}, *given, **more)), params
