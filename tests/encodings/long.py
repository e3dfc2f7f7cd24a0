"""One long sequence, read by one small layer around an encoding: forwards and backwards, in blocks, and with a cache.

It is read as three rows, in one program:

    plain     places 0, 1, 2, ...
    changed   the same before `CUT`; from there on other tokens, a million positions further on
    packed    padding; the first tokens as a document; the same tokens as another one, at shifted positions; padding

The gradient of some outputs, each with a random weight, by the vector of every token says which tokens these outputs
have heard: where they must not, it is 0 in every bit, however small a leak would be. What has no gradient, such as a
rounded number, is heard as a changed value.
"""

import functools
import itertools
from typing import NamedTuple

import jax
import numpy as np

from posbench.models import model as models
from tests.encodings import small

# Blocks whose size is a power of two have borders at the cuts.
EARLY_CUT, CUT = 512, 1024
FAR, SHIFT = 1_000_000, 37
CHUNK, SINGLE = 256, 3
PADDING = 3, 8


class Row(NamedTuple):
    """A sequence, and the weights of its outputs in the number whose gradient is taken; R rows are stacked."""

    tokens_L: np.ndarray
    pos_L: np.ndarray
    segment_L: np.ndarray
    weights_LD: np.ndarray


class Read(NamedTuple):
    """Outputs of each row, and the gradient by the vectors of its tokens."""

    states_RLD: np.ndarray
    gradient_RLD: np.ndarray


def length(encoding) -> int:
    """Tokens, no multiple of a block. Content that is scored pair by pair takes up to ten times as long as a bias."""
    return (5 if encoding.has('score') or encoding.has('product') else 8) * CHUNK + SINGLE


def documents(encoding) -> tuple[slice, slice]:
    """Where the two documents of the packed row are."""
    start, end = PADDING[0], length(encoding) - PADDING[1]
    return slice(start, (start + end) // 2), slice((start + end) // 2, end)


@functools.cache
def read(encoding) -> Read:
    """The three rows, read at once."""
    model = _model(encoding)
    rows, variables = _rows(encoding, model.body.width), small.params(model)
    return jax.tree.map(np.asarray, _both_ways(model, variables, _vectors(variables)[rows.tokens_L], rows))


def plain(encoding, tokens: int, **changes) -> np.ndarray:
    """Outputs of the first tokens of the plain row alone, by a model with these changes."""
    variables, pos = small.params(_model(encoding)), small.lift(encoding, small.positions(1, tokens))[0]
    one = small.changed(_model(encoding, vocabulary=tokens), **changes)
    return np.asarray(_states(one, variables, _vectors(variables)[:tokens], pos, np.zeros(tokens, np.int32)))


def decoded(encoding) -> np.ndarray:
    """Outputs of the plain row with a cache that has a few slots more than needed: in chunks, then one by one."""
    model, tokens = _model(encoding), small.positions(1, length(encoding))
    variables, pos = small.params(model), small.lift(encoding, tokens)
    cache, said = model.empty_cache(1, tokens.shape[1] + 5, pos), []
    chunks = [*range(0, tokens.shape[1], CHUNK), *range(tokens.shape[1] - SINGLE + 1, tokens.shape[1] + 1)]
    for start, end in itertools.pairwise(chunks):
        states, cache = _step(model, variables, tokens[:, start:end], pos[:, start:end], cache)
        said.append(np.asarray(states[0]))
    return np.concatenate(said)


def _model(encoding, **changes):
    if getattr(encoding, 'out_of_range', None) == 'nan':
        # A table that ends goes on with its last row.
        encoding = encoding.clone(parent=None, out_of_range='clip')
    fields = dict(vocabulary=length(encoding), width=8, heads=1, hidden=8)
    return small.shallow(encoding, **(fields | changes))


def _vectors(variables) -> np.ndarray:
    return np.asarray(variables['params']['input_layer']['vectors'])


def _rows(encoding, width: int) -> Row:
    place = np.arange(length(encoding), dtype=np.int32)
    document, within = -np.ones_like(place), place.copy()
    for number, part in enumerate(documents(encoding)):
        document[part], within[part] = number, np.arange(part.stop - part.start)
    late = place >= CUT
    # Where the length of a sequence matters, no position changes: the highest one is the length.
    jump, shift = (0 if encoding.depends_on_length else FAR), (SHIFT if encoding.shift_invariant else 0)
    pos = np.stack([place, place + jump * late, within + shift * (document == 1)])
    heard = np.stack([place < EARLY_CUT, ~late, document == 1])[..., None]
    return Row(
        tokens_L=np.stack([place, np.where(late, place[::-1], place), within]),
        pos_L=small.lift(encoding, pos),
        segment_L=np.stack([0 * place, 0 * place, document]),
        weights_LD=(np.random.default_rng(0).normal(size=(*place.shape, width)) * heard).astype(np.float32),
    )


@functools.partial(jax.jit, static_argnums=0)
def _states(model, variables, vectors_LD, pos, segment_L):
    """Outputs of one row, whose tokens have these vectors."""
    params = variables['params']
    params = params | {'input_layer': params['input_layer'] | {'vectors': vectors_LD}}
    row = np.arange(len(vectors_LD))[None], pos[None], segment_L[None]
    return models.hidden_states(model, params, *row)[0][-1][0]


@functools.partial(jax.jit, static_argnums=0)
def _both_ways(model, variables, vectors_RLD, rows: Row) -> Read:
    def of(vectors_and_row):
        vectors_LD, row = vectors_and_row
        states_LD, gradient_by = jax.vjp(lambda x: _states(model, variables, x, row.pos_L, row.segment_L), vectors_LD)
        return Read(states_LD, *gradient_by(row.weights_LD))

    return jax.lax.map(of, (vectors_RLD, rows))


@functools.partial(jax.jit, static_argnums=0)
def _step(model, variables, tokens_BL, pos, cache):
    (_, cache), sown = model.apply(variables, tokens_BL, pos, cache=cache, mutable=['intermediates'])
    return sown['intermediates']['normalised'][0], cache
