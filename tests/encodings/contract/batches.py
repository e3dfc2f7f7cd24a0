"""Who else is in the batch or the row, and which positions a row has."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from posbench import positions
from posbench.encodings import base
from tests.encodings import small
from tests.encodings.compare import different, same
from tests.encodings.contract.checks import check

# Randomized positions that stay inside every learned table, and a jitter that is heard whatever the encoding is.
MAP_OPTIONS = {
    'randomized': dict(max_position=200),
    'randomized_distances': dict(max_position=200),
    'cape': dict(max_local_shift=4.0),
}


@check
def padding_on_either_side_changes_nothing(encoding):
    model, tokens = small.shallow(encoding), small.tokens()
    unpadded = small.logits(model, tokens[:, :12], small.positions(length=12))
    for side, real in (('left', slice(12, 24)), ('right', slice(0, 12))):
        padded, segments = small.tokens(seed=5), np.full(tokens.shape, -1, np.int32)
        padded[:, real], segments[:, real] = tokens[:, :12], 0
        pos = small.packed(segments)
        same(small.logits(model, padded, pos, segments)[:, real], unpadded, f'{side} padding')


@check
def packed_documents_do_not_see_each_other(encoding):
    model, tokens = small.shallow(encoding), small.tokens()
    segments = np.repeat(np.array([[0, 1, -1]], np.int32), (12, 10, 2), axis=1).repeat(small.BATCH, axis=0)
    packed = small.logits(model, tokens, small.packed(segments), segments)
    alone = small.logits(model, tokens[:, :12], small.positions(length=12))
    same(packed[:, :12], alone, 'first document')
    second = small.logits(model, np.roll(tokens, -12, axis=1)[:, :12], small.positions(length=12))
    same(packed[:, 12:22], second[:, :10], 'second document')


@check
def a_row_depends_neither_on_batch_size_nor_on_batch_mates(encoding):
    model, tokens, pos = small.shallow(encoding), small.tokens(), small.positions()
    # Rows of different positions, so that none can be taken for all.
    pos = pos * np.arange(1, 1 + small.BATCH, dtype=np.int32)[:, None]
    together = small.logits(model, tokens, pos)
    same(small.logits(model, tokens[2:3], pos[2:3]), together[2:3], 'a row alone')
    mates = np.where(np.arange(small.BATCH)[:, None] == 2, tokens, small.tokens(seed=7))
    same(small.logits(model, mates, np.where(mates == tokens, pos, pos[::-1]))[2], together[2], 'with other mates')


@check
def positions_shared_by_all_rows_may_be_given_once(encoding):
    model, tokens, pos = small.shallow(encoding), small.tokens(), small.positions()
    same(small.logits(model, tokens, pos[:1]), small.logits(model, tokens, pos), 'positions of shape [1, L]')
    if encoding.axes > 1:
        # All rows share the first coordinate alone.
        first, *others = np.moveaxis(small.lift(encoding, pos), -1, 0)
        others = [other + np.arange(len(pos), dtype=np.int32)[:, None] for other in others]
        got = small.logits(model, tokens, (first[:1], *others))
        wanted = small.logits(model, tokens, np.stack([first, *others], axis=-1))
        same(got, wanted, 'a tuple of coordinates of shapes [1, L] and [B, L]')


@functools.cache
def _drawn_positions(map_name: str) -> np.ndarray:
    """[B, L], the first coordinate of several; the same for every encoding."""
    position_map = positions.build(map_name, **MAP_OPTIONS.get(map_name, {}))
    tokens = small.tokens()
    pos = position_map(jax.random.key(2), *tokens.shape, train=True, tokens_BL=jnp.asarray(tokens))
    return np.broadcast_to(np.asarray(base.axis(pos, 0)), tokens.shape)


@check
def every_position_map_works(encoding):
    model, tokens = small.shallow(encoding), small.tokens()
    sequential = small.logits(model, tokens, small.positions())
    for name in positions.names():
        # Raised to as many coordinates as the encoding reads.
        pos = _drawn_positions(name)
        try:
            got = small.logits(model, tokens, pos)
        except ValueError as error:
            # A table has no row between two of its rows.
            assert pos.dtype == np.float32 and 'wanted whole numbers' in str(error), f'{name} positions: {error}'
            continue
        distances_changed = (np.diff(pos, axis=1) != 1).any()
        heard = encoding.reads_positions if distances_changed else not encoding.shift_invariant and pos.min() > 0
        (different if heard else same)(got, sequential, f'{name} positions')


@check
def dropout_of_a_row_does_not_depend_on_how_the_batch_is_split(encoding):
    model = small.model(encoding, layers=1, dropout=0.3)
    tokens, pos = small.tokens(1).repeat(2, axis=0), small.positions(2)

    def dropped(*rows):
        return small.with_dropout(model, small.params(model), tokens, pos, np.array(rows), jax.random.key(4))

    first, second = dropped(0, 1), dropped(1, 2)
    same(second[0], first[1], 'row 1 of a batch, and as the first row of its own share')
    different(first[0], first[1], 'two rows with equal tokens have equal dropout')
