"""Remapped distances: matrices that a hand can compute, and the rotation that they reduce to."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import encodings
from posbench.encodings import base
from posbench.models import attention


def distances(name, length, **options):
    """cos and sin of the distance at which each query sees each key, [L, M]: a rotation of one radian a token."""
    encoding = encodings.build(name, over=dict(name='rotary', theta=1.0), **options).sized(width=2, heads=1)
    bound, pos = encoding.with_params({}), jnp.arange(length, dtype=jnp.int32)[None]
    q = jnp.broadcast_to(jnp.asarray([1.0, 0.0]), (1, length, 1, 2))
    logits = []
    for k in ([1.0, 0.0], [0.0, 1.0]):
        k = jnp.broadcast_to(jnp.asarray(k), (1, length, 1, 2))
        block = base.Block(bound.rotate(q, pos, 'query'), bound.rotate(k, pos, 'key'), pos, pos)
        logits.append(np.asarray(bound.product(block, None)[0][0, 0], np.float64))
    return logits


def check(name, wanted, **options):
    cos, sin = distances(name, len(wanted), **options)
    seen = np.tril(np.ones_like(cos, bool))
    np.testing.assert_allclose(cos[seen], np.cos(np.array(wanted, float))[seen], rtol=0, atol=1e-5)
    np.testing.assert_allclose(sin[seen], np.sin(np.array(wanted, float))[seen], rtol=0, atol=1e-5)


def test_rerope_stops_at_the_window():
    """The matrix of kexue.fm/archives/9708 with w = 3."""
    wanted = [
        [0] * 6,
        [1, 0] + 4 * [0],
        [2, 1, 0] + 3 * [0],
        [3, 2, 1, 0, 0, 0],
        [3, 3, 2, 1, 0, 0],
        [3, 3, 3, 2, 1, 0],
    ]
    check('rerope', wanted, window=3)


def test_leaky_rerope_goes_on_more_slowly():
    """w = 2, k = 2: 2, 2.5, 3 for distances 2, 3, 4."""
    wanted = [[0] * 5, [1, 0, 0, 0, 0], [2, 1, 0, 0, 0], [2.5, 2, 1, 0, 0], [3, 2.5, 2, 1, 0]]
    check('rerope', wanted, window=2, leak=2.0)


def test_self_extend_of_groups_of_two_and_a_window_of_four():
    """Figure 3 of arXiv 2401.01325: 4 - 2 is added to the distance of groups of two."""
    last = [9 // 2 - j // 2 + 2 if 9 - j >= 4 else 9 - j for j in range(10)]
    assert last == [6, 6, 5, 5, 4, 4, 3, 2, 1, 0]
    wanted = [[i // 2 - j // 2 + 2 if i - j >= 4 else i - j for j in range(10)] for i in range(10)]
    assert wanted[9] == last
    check('self_extend', wanted, group=2, window=4)


DUAL_CHUNKS = {
    3: [3, 2, 1, 0],
    6: [6, 5, 4, 3, 2, 1, 0],
    9: [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
    11: [9, 8, 7, 6, 5, 4, 5, 4, 3, 2, 1, 0],
    13: [9, 8, 7, 6, 5, 4, 7, 6, 5, 4, 3, 2, 1, 0],
}


@pytest.mark.parametrize('as_released', [False, True])
def test_dual_chunks_of_six_with_a_span_of_ten(as_released):
    """Figure 2 of arXiv 2402.17463: s = 6, w = 4, c = 10; 'relative positions do not exceed 9', 10 in the code."""
    cos, sin = distances('dca', 14, span=10, local=4, as_released=as_released)
    for row, places in DUAL_CHUNKS.items():
        wanted = np.array(places, float)
        if as_released and row > 9:
            wanted[:6] += 1
        np.testing.assert_allclose(cos[row, : row + 1], np.cos(wanted), rtol=0, atol=1e-5)
        np.testing.assert_allclose(sin[row, : row + 1], np.sin(wanted), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    'name, options',
    [
        ('rerope', dict(window=1000)),
        ('rerope', dict(window=3, leak=1.0)),
        ('self_extend', dict(window=1000)),
        ('dca', dict(span=1000, local=1)),
    ],
    ids=str,
)
def test_what_is_near_enough_is_plain_rotation(name, options):
    rng, pos = np.random.default_rng(0), np.array([[0, 1, 5, 9, 30, 41]], np.int32)
    q, k, v = (jnp.asarray(rng.normal(size=(1, 6, 2, 4)), jnp.float32) for _ in range(3))
    got, wanted = (
        attention.attend(
            q, k, v, encoding=encoding.sized(8, 2).with_params({}), pos_q_BL=pos, pos_k_BM=pos, block_size=None
        )
        for encoding in (encodings.build(name, **options), encodings.build('rotary'))
    )
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5)


def test_only_a_rotation_can_be_remapped():
    encoding = encodings.build('rerope', over='shaw').sized(8, 2)
    encoding = encoding.with_params(encoding.init_params(jax.random.key(0)))
    x, pos = jnp.zeros((1, 2, 2, 4)), jnp.zeros((1, 2), jnp.int32)
    with pytest.raises(ValueError, match='only rotates'):
        attention.attend(x, x, x, encoding=encoding, pos_q_BL=pos, pos_k_BM=pos)


ROTATIONS = [
    name
    for name in encodings.names()
    if encodings.build(name).has('rotate') and encodings.build(name).axes == 1 and encodings.build(name).reads_positions
]


@pytest.mark.parametrize('name', [name for name in ROTATIONS if not encodings.build(name).depends_on_length])
def test_what_is_rotated_to_another_place_is_as_if_it_had_always_been_there(name):
    encoding = encodings.build(name).sized(16, 2)
    bound = encoding.with_params(encoding.init_params(jax.random.key(0)))
    x_BLD = jax.random.normal(jax.random.key(1), (1, 5, 16))
    pos, place = (jnp.arange(5, dtype=jnp.int32)[None] + first for first in (0, 7))
    order = attention.sequence_order(5)
    aux, aux_there = (bound.accumulate(bound.aux(x_BLD, pos_BL), pos_BL, order) for pos_BL in (pos, place))
    got, wanted = (bound.rotate(x_BLD.reshape(1, 5, 2, 8), place, 'query', known) for known in (aux, aux_there))
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize('name', ['rerope', 'self_extend', 'dca'])
def test_distances_of_several_coordinates_are_not_remapped(name):
    remap = encodings.build(name, over='rope_axial')
    with pytest.raises(ValueError, match=r"got 2 coordinates a token, wanted one, because .*put 'on_axis' around"):
        remap.check_positions(jnp.zeros((1, 3, 2), jnp.int32))
    encodings.build('on_axis', over=encodings.build(name)).check_positions(jnp.zeros((1, 3, 2), jnp.int32))


def test_a_local_window_is_less_than_the_span():
    with pytest.raises(ValueError, match='local=9'):
        encodings.build('dca', span=9, local=9).sized(8, 2).with_params({}).which(jnp.zeros(1), jnp.zeros(1))
