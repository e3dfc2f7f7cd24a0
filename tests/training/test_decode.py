"""Greedy decoding: what the cache gives is what reading everything again would give, and nobody sees the answers."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import encodings, positions, streams
from posbench.tasks import base
from posbench.training import decode, step
from tests.encodings import small

ROWS, LENGTH, SOURCE = 4, 10, 7
MAPS = {
    'sequential': positions.build('sequential'),
    'randomized': positions.build('randomized', max_position=40),
    'abacus': positions.build('abacus', digits=tuple(range(20))),
}
KEY = streams.key(0, 'evaluation', 0)
# Places that are given: a prompt of another length in each row, and in one row a token in between.
GIVEN_BL = np.arange(LENGTH) < np.array([1, 3, 6, 2])[:, None]
GIVEN_BL[3, 5] = True


def decoder_batch() -> dict:
    # The target of a place is the input of the next one.
    weights_BL = np.pad(~GIVEN_BL[:, 1:], ((0, 0), (0, 1)), constant_values=True).astype(np.float32)
    tokens_BL = small.tokens(ROWS, LENGTH, seed=1)
    return dict(inputs_BL=tokens_BL, targets_BL=np.roll(tokens_BL, -1, axis=1), weights_BL=weights_BL)


def both_batch() -> dict:
    """Of an encoder-decoder; two rows are filled up, in the source and in what is said."""
    source_segments_BM = np.where(np.arange(SOURCE) < np.array([7, 4, 7, 2])[:, None], 0, -1)
    real_BL = np.arange(LENGTH) < np.array([10, 5, 10, 3])[:, None]
    return dict(
        source_BM=small.tokens(ROWS, SOURCE, seed=2),
        source_segment_ids_BM=source_segments_BM.astype(np.int32),
        inputs_BL=small.tokens(ROWS, LENGTH, seed=3),
        segment_ids_BL=np.where(real_BL, 0, -1).astype(np.int32),
        targets_BL=small.tokens(ROWS, LENGTH, seed=4),
        weights_BL=real_BL.astype(np.float32),
    )


def drawn(model, batch, position_map) -> dict:
    """Parameters of every size but zero."""
    whole = step.with_positions(batch, position_map, KEY, train=False)
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), whole, method='outputs')['params'])
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda leaf: jnp.asarray(0.4 * rng.normal(size=leaf.shape), leaf.dtype), shapes)


def greedy(model, params, position_map, batch) -> np.ndarray:
    def said(params, batch):
        whole = step.with_positions(batch, position_map, KEY, train=False)
        return decode.greedy(model, params, position_map, KEY, whole)

    return np.asarray(jax.jit(said)(params, batch))


def one_by_one(model, params, position_map, batch) -> np.ndarray:
    """The likeliest token at each place, everything that was said before it being read again from the start."""

    @jax.jit
    def likeliest(params, read_BL):
        whole = step.with_positions(batch | dict(inputs_BL=read_BL), position_map, KEY, train=False)
        return model.apply({'params': params}, whole, method='outputs').argmax(axis=-1)

    read_BL, said_BL = batch['inputs_BL'].copy(), np.zeros((ROWS, LENGTH), np.int32)
    for place in range(LENGTH):
        said_BL[:, place] = np.asarray(likeliest(params, read_BL))[:, place]
        if place + 1 < LENGTH:
            is_own_B = batch['weights_BL'][:, place] > 0
            read_BL[:, place + 1] = np.where(is_own_B, said_BL[:, place], read_BL[:, place + 1])
    return said_BL


@functools.cache
def decoder(name: str):
    """One for positions of a map."""
    table = encodings.build('learned', max_length=64)
    of_the_map = encodings.build('on_axis', over=table, axis=1) if name == 'abacus' else table
    model, batch = small.model(of_the_map, layers=1), decoder_batch()
    return model, drawn(model, batch, MAPS[name])


@pytest.mark.parametrize('name', MAPS)
def test_a_decoder_says_after_a_prompt_what_it_says_without_a_cache(name):
    batch, position_map = decoder_batch(), MAPS[name]
    said_BL = greedy(*decoder(name), position_map, batch)
    assert (said_BL.shape, said_BL.dtype) == ((ROWS, LENGTH), np.int32)
    np.testing.assert_array_equal(said_BL, one_by_one(*decoder(name), position_map, batch))
    assert len(np.unique(said_BL)) > 5


@pytest.mark.parametrize('name', MAPS)
def test_nobody_sees_what_is_to_be_said(name):
    """Neither the model nor positions that depend on what tokens are."""
    batch = decoder_batch()
    other = batch | dict(inputs_BL=np.where(GIVEN_BL, batch['inputs_BL'], (batch['inputs_BL'] + 17) % small.VOCABULARY))
    assert (other['inputs_BL'] != batch['inputs_BL']).mean() > 0.5
    np.testing.assert_array_equal(greedy(*decoder(name), MAPS[name], batch), greedy(*decoder(name), MAPS[name], other))


def test_past_the_end_of_a_table_nothing_is_said():
    model, params = decoder('sequential')
    short = small.changed(model, encoding=encodings.build('learned', max_length=7))
    table = params['position_encoding'] | dict(table=params['position_encoding']['table'][:7])
    said_BL = greedy(short, params | dict(position_encoding=table), MAPS['sequential'], decoder_batch())
    np.testing.assert_array_equal(said_BL[:, 7:], base.NOTHING)
    np.testing.assert_array_equal(said_BL[:, :7], greedy(model, params, MAPS['sequential'], decoder_batch())[:, :7])


def test_what_is_given_is_read():
    batch = decoder_batch()
    other = batch | dict(inputs_BL=np.where(GIVEN_BL, (batch['inputs_BL'] + 17) % small.VOCABULARY, batch['inputs_BL']))
    said_BL, others_BL = (greedy(*decoder('sequential'), MAPS['sequential'], one) for one in (batch, other))
    assert (said_BL != others_BL).any(axis=1).all()


def test_an_encoder_decoder_says_what_it_says_without_a_cache_whatever_its_rows_are_filled_up_with():
    model, batch = small.model(encodings.build('rotary'), layers=1, name='encoder_decoder'), both_batch()
    params = drawn(model, batch, MAPS['sequential'])
    real_BL = batch['weights_BL'] > 0
    said_BL = greedy(model, params, MAPS['sequential'], batch)
    wanted_BL = one_by_one(model, params, MAPS['sequential'], batch)
    np.testing.assert_array_equal(said_BL[real_BL], wanted_BL[real_BL])
    assert len(np.unique(said_BL[real_BL])) > 5
    padding_BM = batch['source_segment_ids_BM'] < 0
    other = batch | dict(
        source_BM=np.where(padding_BM, (batch['source_BM'] + 5) % small.VOCABULARY, batch['source_BM']),
        inputs_BL=np.where(real_BL, batch['inputs_BL'], 0),
    )
    np.testing.assert_array_equal(greedy(model, params, MAPS['sequential'], other)[real_BL], said_BL[real_BL])
    other = batch | dict(source_BM=np.where(padding_BM, batch['source_BM'], (batch['source_BM'] + 5) % 7))
    assert (greedy(model, params, MAPS['sequential'], other) != said_BL)[real_BL].any()
