"""Rows of a bias that are made anew: values and gradients are those of a choice between two whole arrays."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench.encodings.parts import pair_by_pair
from tests.gradients import draw, same, with_gradients

HEADS, KEYS = 3, 6
KEPT = ['all', 'none', 'the first', 'every other']


def positions(rows, length, seed, alike=False):
    pos_BL = draw(rows, length, seed=seed)
    return np.repeat(pos_BL[:1], rows, axis=0) if alike else pos_BL


def of_pairs_with(scale_H):
    def of_pairs(pos_q, pos_k):
        return jnp.stack([jnp.sin(scale * pos_q - pos_k) for scale in scale_H])

    return of_pairs


def anew(bias_BHLM, scale_H, pos_q_BL, pos_k_BM, kept_BL):
    return pair_by_pair.made_anew(bias_BHLM, of_pairs_with(scale_H), pos_q_BL, pos_k_BM, kept_BL)


def chosen(bias_BHLM, scale_H, pos_q_BL, pos_k_BM, kept_BL):
    made_HBLM = of_pairs_with(scale_H)(pos_q_BL[:, :, None], pos_k_BM[:, None, :])
    return jnp.where(kept_BL[:, None, :, None], bias_BHLM, jnp.moveaxis(made_HBLM, 0, 1))


# One block, several, and a last one that begins within the one before it.
@pytest.mark.parametrize('length', [5, 2 * pair_by_pair.FEW, 2 * pair_by_pair.FEW + 5])
@pytest.mark.parametrize('kept', KEPT)
@pytest.mark.parametrize('rows, alike', [(1, False), (2, False), (2, True)])
def test_rows_are_made_anew_where_they_are_not_kept(length, kept, rows, alike):
    place_L = np.arange(length)
    kept_L = dict(zip(KEPT, (place_L >= 0, place_L < 0, place_L < length - 3, place_L % 2 > 0)))
    places = positions(rows, length, 2, alike), positions(rows, KEYS, 3, alike), kept_L[kept][None]
    floats = draw(rows, HEADS, length, KEYS), draw(HEADS, seed=1)
    got, wanted = (
        with_gradients(lambda *floats, function=function: function(*floats, *places), *floats)
        for function in (anew, chosen)
    )
    same(got, wanted)


def test_blocks_without_such_rows_are_not_asked():
    calls, length = [], 4 * pair_by_pair.FEW
    kept_BL = np.ones((1, length), bool)
    kept_BL[0, [3, -1]] = False

    def of_pairs(pos_q, pos_k):
        jax.debug.callback(lambda first: calls.append(int(first)), pos_q.ravel()[0])
        return jnp.zeros((HEADS, *jnp.broadcast_shapes(pos_q.shape, pos_k.shape)))

    pos_q_BL, pos_k_BM = np.arange(length, dtype=np.int32)[None], np.arange(KEYS, dtype=np.int32)[None]
    bias_BHLM = jnp.zeros((1, HEADS, length, KEYS))
    jax.block_until_ready(pair_by_pair.made_anew(bias_BHLM, of_pairs, pos_q_BL, pos_k_BM, kept_BL))
    jax.effects_barrier()
    assert sorted(calls) == [0, length - pair_by_pair.FEW]


def test_models_side_by_side_with_rows_of_their_own():
    length = pair_by_pair.FEW + 3
    floats = draw(2, 1, HEADS, length, KEYS), draw(2, HEADS, seed=1)
    kept = np.arange(length) < np.array([[[5]], [[length]]])
    # Of jax: under vmap a program takes no NumPy array that is a constant in it.
    places = [jnp.asarray(place) for place in (draw(2, 1, length, seed=2), draw(2, 1, KEYS, seed=3), kept)]
    got, wanted = (
        with_gradients(lambda *floats, function=function: jax.vmap(function)(*floats, *places), *floats)
        for function in (anew, chosen)
    )
    same(got, wanted)
