"""Vectors that are looked up by distance: Shaw, Music Transformer, DeBERTa, Inkling."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import encodings
from posbench.encodings import base, deberta
from posbench.encodings.parts import by_distance
from tests.encodings import small


def draw(*shape, seed):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def places(length, first=0):
    return np.arange(first, first + length, dtype=np.int32)[None]


def bound(name, params, width=8, heads=2, **options):
    return encodings.build(name, **options).sized(width, heads).with_params(params)


def attended(encoding, length=10, pos=None, v=None):
    """Causal attention of drawn queries, keys and values, [2, L, 2, 4]."""
    q, k, drawn = (draw(2, length, 2, 4, seed=seed) for seed in (1, 2, 3))
    x = draw(2, length, 8, seed=4)
    return small.attended(encoding, q, k, drawn if v is None else v, x, places(length) if pos is None else pos)


POSITIONS = {
    'rising by one': (places(6), places(9)),
    'at an offset': (places(6, 200), places(9)),
    'of two rows': (np.concatenate([places(6), places(6, 40)]), np.concatenate([places(9, 3), places(9, 43)])),
    'restarting': (np.array([[0, 1, 2, 0, 1, 2]]), np.array([[0, 1, 2, 0, 1, 2, 3, 4, 5]])),
    'with gaps': (np.array([[0, 90, 91, 3, 30, 1]]), np.array([[0, 0, 7, 45, 2, 4, 60, 99, 1]])),
}


@pytest.mark.parametrize('pos_x, pos_y', POSITIONS.values(), ids=POSITIONS)
@pytest.mark.parametrize('rows', [5, 64])
@pytest.mark.parametrize('heads', [None, 3])
def test_products_and_sums_equal_one_vector_a_pair(pos_x, pos_y, rows, heads):
    """A table of 64 rows is longer than the distances of a block are many, one of 5 is not."""
    x, weights = draw(2, 6, 3, 4, seed=1), draw(2, 3, 6, 9, seed=2)
    table = draw(rows, *([heads] if heads else []), 4, seed=3)

    def row_of(distance):
        return jnp.clip(distance + 20, 0, rows - 1)

    def by_pair(x, weights, table):
        vectors = table[row_of(pos_x[:, :, None] - pos_y[:, None, :])]
        vectors = jnp.broadcast_to(vectors if heads else vectors[..., None, :], (2, 6, 9, 3, 4))
        return jnp.einsum('BLHC,BLMHC->BHLM', x, vectors), jnp.einsum('BHLM,BLMHC->BLHC', weights, vectors)

    def looked_up(x, weights, table):
        return tuple(
            function(values, table, row_of, pos_x, pos_y)
            for function, values in ((by_distance.products, x), (by_distance.sums, weights))
        )

    def gradients(function):
        def loss(*arguments):
            return sum(jnp.vdot(out, draw(*out.shape, seed=5)) for out in function(*arguments))

        return jax.jit(jax.grad(loss, argnums=(0, 1, 2)))(x, weights, table)

    for got, wanted in zip(looked_up(x, weights, table), by_pair(x, weights, table)):
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5)
    for got, wanted in zip(gradients(looked_up), gradients(by_pair)):
        np.testing.assert_allclose(got, wanted, rtol=0, atol=5e-5)


def test_a_shaw_query_meets_the_row_of_its_clipped_distance():
    """Equation 4 of arXiv 1803.02155: w_clip(j - i, k) is row clip(j - i, k) + k. q is 1, so logits are rows."""
    shaw = bound('shaw', {'table': jnp.arange(5.0)[:, None]}, width=1, heads=1, max_distance=2)
    block = base.Block(jnp.ones((1, 1, 1, 1)), None, jnp.asarray([[4]]), jnp.asarray([[0, 2, 3, 4, 5, 6, 9]]))
    logits, _ = shaw.score(jnp.zeros((1, 1, 1, 7)), block, None)
    np.testing.assert_array_equal(logits[0, 0, 0], [0, 0, 1, 2, 3, 4, 4])
    uneven = bound('shaw', {'table': jnp.arange(4.0)[:, None]}, width=1, heads=1, max_distance=2, max_ahead=1)
    logits, _ = uneven.score(jnp.zeros((1, 1, 1, 7)), block, None)
    np.testing.assert_array_equal(logits[0, 0, 0], [0, 0, 1, 2, 3, 3, 3])


def test_a_shaw_value_is_the_row_of_its_distance_weighted_as_the_value_is():
    """Equation 3: with values 0 and all logits alike, the output is the mean of the rows that a query sees."""
    tables = {'table': jnp.zeros((5, 4)), 'values': jnp.arange(5.0)[:, None] * jnp.ones(4)}
    shaw = bound('shaw', tables, max_distance=2, values=True)
    zeros = np.zeros((1, 4, 2, 4), np.float32)
    got = small.attended(shaw, zeros, zeros, zeros, np.zeros((1, 4, 8), np.float32), places(4))
    wanted = [2, (2 + 1) / 2, (2 + 1 + 0) / 3, (2 + 1 + 0 + 0) / 4]
    np.testing.assert_allclose(got[0, :, 1, 3], wanted, rtol=1e-6)


def test_music_is_shaw_without_clipping_and_values():
    table = draw(12, 4, seed=5)
    music = bound('music', {'table': table}, max_length=12, share_heads=True)
    # Row k - d of Shaw's table is that of distance d; those of keys after the query are never seen.
    shaw = bound('shaw', {'table': np.concatenate([table[::-1], draw(11, 4, seed=6)])}, max_distance=11)
    np.testing.assert_allclose(attended(music), attended(shaw), rtol=0, atol=1e-6)


def test_music_of_equal_tables_for_all_heads_is_music_of_one_table():
    table = draw(12, 4, seed=5)
    of_each = bound('music', {'table': np.stack([table, table], axis=1)}, max_length=12)
    of_all = bound('music', {'table': table}, max_length=12, share_heads=True)
    np.testing.assert_allclose(attended(of_each), attended(of_all), rtol=0, atol=1e-6)


def test_music_is_the_skewing_of_the_paper():
    """Section 3.4.1 of arXiv 1809.04281: pad a column on the left, reshape to [L + 1, L], drop the first row."""
    q, table, length = draw(1, 9, 2, 4, seed=1), draw(9, 2, 4, seed=2), 9
    # Their E runs from the furthest distance to 0.
    rel = np.einsum('LHK,RHK->HLR', q[0], table[::-1])
    skewed = np.pad(rel, ((0, 0), (0, 0), (1, 0))).reshape(2, length + 1, length)[:, 1:]
    music = bound('music', {'table': table}, max_length=9)
    got, _ = music.score(jnp.zeros((1, 2, 9, 9)), base.Block(q, None, places(9), places(9)), None)
    np.testing.assert_allclose(got[0], np.tril(skewed), rtol=0, atol=1e-6)


@pytest.mark.parametrize('policy, past', [('nan', np.nan), ('clip', 2.0), ('zero', 0.0)])
def test_past_the_table_of_music_is_what_was_asked_for(policy, past):
    """q is 1 and row d is d: logits are distances, and 0 after the query."""
    music = bound('music', {'table': jnp.arange(3.0)[:, None, None]}, 1, 1, max_length=3, out_of_range=policy)
    block = base.Block(jnp.ones((1, 1, 1, 1)), None, jnp.asarray([[4]]), jnp.asarray([[0, 1, 2, 3, 4, 5, 90]]))
    logits, _ = music.score(jnp.zeros((1, 1, 1, 7)), block, None)
    np.testing.assert_array_equal(logits[0, 0, 0], [past, past, 2, 1, 0, 0, 0])


def test_log_buckets_of_8_up_to_17():
    """4 + ceil(3 ln(d / 4) / ln(16 / 4)) from 5 on: 0.48, 0.88, 1.21, 1.5, 1.75, 1.98, 2.19, ..., 3 and 3.13."""
    wanted = [0, 1, 2, 3, 4, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7, 7, 7, 8]
    np.testing.assert_array_equal(deberta.log_buckets(17, 8), wanted)


def test_log_buckets_need_a_logarithmic_range():
    with pytest.raises(ValueError, match='max_distance=5'):
        deberta.log_buckets(5, 8)


def test_a_deberta_distance_has_the_row_of_the_paper():
    """Section 3.1 of arXiv 2006.03654: row 0 for i - j <= -k, 2k - 1 for i - j >= k, else i - j + k; here k = 3."""
    rows = deberta.row(jnp.asarray([-9, -3, -2, -1, 0, 1, 2, 3, 9]), max_distance=3, buckets=None)
    np.testing.assert_array_equal(rows, [0, 0, 1, 2, 3, 4, 5, 5, 5])


def deberta_params(rows, seed=5):
    shapes = dict(table=(rows, 8), key=(8, 2, 4), query=(8, 2, 4))
    return {name: draw(*shape, seed=seed + n) for n, (name, shape) in enumerate(shapes.items())}


def test_deberta_without_the_second_term_is_music_of_the_projected_table():
    params = deberta_params(24)
    params['query'] = np.zeros_like(params['query'])
    one_sided = bound('deberta', params, max_distance=12)
    music = bound('music', {'table': np.einsum('RD,DHK->RHK', params['table'], params['key'])[12:]}, max_length=12)
    np.testing.assert_allclose(attended(one_sided), attended(music), rtol=0, atol=2e-5)


def test_the_two_terms_of_deberta_are_one_with_queries_and_keys_exchanged():
    """Equation 4: the logit of (i, j) is that of (j, i) where keys ask, positions and projections exchanged too."""
    params = deberta_params(8)
    exchanged = params | {'key': params['query'], 'query': params['key']}
    q, k = draw(1, 5, 2, 4, seed=1), draw(1, 6, 2, 4, seed=2)
    pos_q, pos_k = places(5, 3), 2 * places(6)

    def term(params, q, k, pos_q, pos_k):
        block = base.Block(q / 2, k, pos_q, pos_k)
        zeros = jnp.zeros((1, 2, q.shape[1], k.shape[1]))
        return bound('deberta', params, max_distance=4).score(zeros, block, None)[0]

    forth, back = term(params, q, k, pos_q, pos_k), term(exchanged, k, q, pos_k, pos_q)
    np.testing.assert_allclose(forth, jnp.swapaxes(back, 2, 3), rtol=0, atol=1e-5)
    assert np.abs(forth - jnp.swapaxes(term(params, k, q, pos_k, pos_q), 2, 3)).max() > 0.1


def test_inkling_without_a_bank_is_nothing():
    params = {'mixing': draw(8, 2, 3, seed=5), 'bank': np.zeros((6, 3), np.float32)}
    np.testing.assert_allclose(
        attended(bound('inkling', params, extent=6, profiles=3)), attended(bound('none', {})), rtol=0, atol=1e-6
    )


def test_inkling_of_equal_tokens_is_a_static_trained_bias():
    """What T5 is while each distance has a bucket of its own, and nothing from `extent` on."""
    mixing, bank = draw(8, 2, 3, seed=5), draw(6, 3, seed=6)
    table = np.zeros((2, 64), np.float32)
    table[:, :6] = np.einsum('DHC,RC->HR', mixing, bank)
    q, k, v = (draw(2, 10, 2, 4, seed=seed) for seed in (1, 2, 3))
    x = np.ones((2, 10, 8), np.float32)
    inkling = bound('inkling', {'mixing': mixing, 'bank': bank}, extent=6, profiles=3)
    t5 = bound('t5_bias', {'table': jnp.asarray(table)}, buckets=64)
    got, wanted = (small.attended(encoding, q, k, v, x, places(10)) for encoding in (inkling, t5))
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5)


def test_the_temperature_of_inkling_starts_at_its_floor():
    """1 up to position floor - 1, and 1 + alpha ln 2 where the text is twice as long: floor 4, alpha 0.1."""
    params = {'mixing': np.zeros((8, 2, 3), np.float32), 'bank': np.zeros((6, 3), np.float32)}
    warm = bound('inkling', params, extent=6, profiles=3, floor=4)
    block = base.Block(None, None, places(9), places(1), aux_q=jnp.zeros((1, 9, 2, 3)))
    logits, _ = warm.score(jnp.ones((1, 2, 9, 1)), block, None)
    np.testing.assert_array_equal(logits[0, 1, :4, 0], 1.0)
    np.testing.assert_allclose(logits[0, 1, [4, 7], 0], [1 + 0.1 * np.log(5 / 4), 1 + 0.1 * np.log(2)], rtol=1e-6)
