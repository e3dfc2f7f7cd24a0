"""Every encoding equals its oracle: an independent float64 double loop (oracles.py)."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import attention, encodings
from posbench.encodings import base
from tests.encodings import oracles

WIDTH, HEADS, HEAD_WIDTH = 8, 2, 4
TOLERANCE = 1e-5

# Every option takes a second value somewhere.
SETTINGS = {
    'none': [{}],
    'learned': [dict(max_length=300)],
    'sinusoidal': [
        {},
        dict(theta=50.0, layout='concat', learned_scale=True),
        dict(frequencies='tensor2tensor'),
    ],
    'rotary': [{}, dict(theta=50.0, layout='interleaved')],
    'alibi': [{}],
    't5_bias': [{}, dict(buckets=8, max_distance=20), dict(bidirectional=True)],
    'shaw': [{}, dict(max_distance=3)],
    'transformer_xl': [{}, dict(theta=50.0)],
}
CASES = [
    pytest.param(name, options, id='-'.join([name, *map(str, options.values())]))
    for name, settings in SETTINGS.items()
    for options in settings
]


def rng(seed=0):
    return np.random.default_rng(seed)


def pair(name, options):
    """The encoding, its random parameters (float32), and its oracle as a function of them."""
    encoding = encodings.build(name, **options).clone(width=WIDTH, heads=HEADS, head_width=HEAD_WIDTH)
    shapes = jax.eval_shape(encoding.init_params, jax.random.key(0))
    params = jax.tree.map(lambda leaf: jnp.asarray(0.3 * rng(5).normal(size=leaf.shape), jnp.float32), dict(shapes))
    values = {field: getattr(encoding, field) for field in encoding.__dataclass_fields__}
    return encoding, params, functools.partial(oracles.ORACLES[name], values)


def in_float64(params):
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)


def draw(*shape, seed):
    return rng(seed).normal(size=shape).astype(np.float32)


def gaps(length, seed):
    """Rising positions with gaps, different in both rows."""
    rows = [np.sort(rng(seed + row).choice(5 * length, length, replace=False)) for row in range(2)]
    return np.array(rows, np.int32)


def positions(length):
    """Name -> (positions of queries, positions of keys)."""
    sequence = np.tile(np.arange(length, dtype=np.int32), (2, 1))
    return {
        'sequential': (sequence, sequence),
        'with gaps': (gaps(length, 1), gaps(length, 1)),
        'queries at an offset of 7': (sequence + 7, sequence),
        'queries before all keys': (sequence, sequence + 20),
        'queries far behind all keys': (gaps(length, 3) + 100, sequence),
        'in falling order': (sequence[:, ::-1], sequence[:, ::-1]),
    }


def test_every_encoding_has_an_oracle_and_settings():
    assert set(oracles.ORACLES) == set(SETTINGS) == set(encodings.names())


def test_every_option_is_compared_at_two_values():
    for name, settings in SETTINGS.items():
        fields = encodings.build(name).__dataclass_fields__
        own = {f for f in fields if f not in base.PositionEncoding.__dataclass_fields__}
        # What initial values are, and what happens outside of a table, is tested in test_options and test_learned.
        assert own - {'init_std', 'out_of_range'} == {option for options in settings for option in options}, name


@functools.partial(jax.jit, static_argnums=0)
def logits(encoding, params, q_BLHK, k_BMHK, pos_q_BL, pos_k_BM):
    """What the hooks make of queries and keys, in the order that attention calls them."""
    bound = encoding.with_params(params)
    q = bound.rotate(q_BLHK, pos_q_BL, 'query') * q_BLHK.shape[-1] ** -0.5
    k = bound.rotate(k_BMHK, pos_k_BM, 'key')
    logits_BHLM, bias_BHLM = jnp.einsum('BLHK,BMHK->BHLM', q, k), bound.bias(pos_q_BL, pos_k_BM)
    logits_BHLM = logits_BHLM if bias_BHLM is None else logits_BHLM + bias_BHLM
    return bound.score(logits_BHLM, base.Block(q, k, pos_q_BL, pos_k_BM))


@functools.partial(jax.jit, static_argnums=0)
def layer(encoding, params, x_BLD, pos_BL):
    """Embedding and one causal attention of the token vectors themselves."""
    bound = encoding.with_params(params)
    x_BLHK = bound.embed(x_BLD, pos_BL).reshape(*x_BLD.shape[:2], HEADS, HEAD_WIDTH)
    return attention.attend(x_BLHK, x_BLHK, x_BLHK, encoding=bound, pos_q_BL=pos_BL, pos_k_BM=pos_BL)


@pytest.mark.parametrize('name, options', CASES)
@pytest.mark.parametrize('length', [12, 48])
def test_logits_equal_the_oracle(name, options, length):
    encoding, params, make = pair(name, options)
    oracle = make(in_float64(params))
    q, k = draw(2, length, HEADS, HEAD_WIDTH, seed=1), draw(2, length, HEADS, HEAD_WIDTH, seed=2)
    for case, (pos_q, pos_k) in positions(length).items():
        if length == 48 and case not in ('sequential', 'with gaps'):
            continue
        rows = slice(None) if length == 12 else slice(0, 1)
        got = logits(encoding, params, q, k, pos_q, pos_k)[rows]
        wanted = oracles.logits(oracle, *(x[rows].astype(np.float64) for x in (q, k)), pos_q[rows], pos_k[rows])
        np.testing.assert_allclose(got, wanted, rtol=0, atol=TOLERANCE, err_msg=case)


@pytest.mark.parametrize('name, options', CASES)
@pytest.mark.parametrize('length', [12, 48])
def test_embedded_and_attended_vectors_equal_the_oracle(name, options, length):
    encoding, params, make = pair(name, options)
    oracle, x, pos = make(in_float64(params)), draw(2, length, WIDTH, seed=3), gaps(length, 4)
    embedded = encoding.with_params(params).embed(x, pos)
    wanted = [[oracle.embed(x[b, i].astype(np.float64), int(pos[b, i])) for i in range(length)] for b in range(2)]
    np.testing.assert_allclose(embedded, wanted, rtol=0, atol=TOLERANCE)
    rows = slice(None) if length == 12 else slice(0, 1)
    wanted = oracles.causal_layer(oracle, x[rows].astype(np.float64), pos[rows], HEADS)
    np.testing.assert_allclose(layer(encoding, params, x, pos)[rows], wanted, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize('name, options', CASES)
def test_gradients_equal_finite_differences_of_the_oracle(name, options):
    """All parameters, and the token vectors along one random direction; central differences in float64."""
    encoding, params, make = pair(name, options)
    x, pos = draw(1, 12, WIDTH, seed=3), np.sort(rng(6).choice(30, (1, 12), replace=False), axis=1).astype(np.int32)
    heard = draw(1, 12, HEADS, HEAD_WIDTH, seed=7)

    def loss(params, x):
        return jnp.vdot(heard, layer(encoding, params, x, pos))

    def exact(params, x):
        return float(np.vdot(heard.astype(np.float64), oracles.causal_layer(make(params), x, pos, HEADS)))

    of_params, of_x = jax.jit(jax.grad(loss, argnums=(0, 1)))(params, x)
    params, x, h = in_float64(params), x.astype(np.float64), 1e-5
    for leaf, got in of_params.items():
        for place in np.ndindex(got.shape):
            if leaf == 'table' and name == 'learned' and place[0] not in pos:
                assert got[place] == 0
                continue
            moved = [dict(params, **{leaf: params[leaf].copy()}) for _ in range(2)]
            moved[0][leaf][place] += h
            moved[1][leaf][place] -= h
            wanted = (exact(moved[0], x) - exact(moved[1], x)) / (2 * h)
            assert abs(got[place] - wanted) <= TOLERANCE, f'{leaf}{place}: got {got[place]}, wanted {wanted}'
    along = draw(*x.shape, seed=8).astype(np.float64)
    wanted = (exact(params, x + h * along) - exact(params, x - h * along)) / (2 * h)
    got = float(np.vdot(np.asarray(of_x, np.float64), along))
    assert abs(got - wanted) <= TOLERANCE * max(1.0, np.abs(along).sum() ** 0.5)
