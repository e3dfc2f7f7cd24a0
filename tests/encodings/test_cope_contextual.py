"""Contextual positions: hand-computed counts, and what they are when every token counts alike."""

import jax.numpy as jnp
import numpy as np

from posbench import encodings
from posbench.encodings import base

LENGTH = 6


def draw(*shape, seed):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def terms(logit, table, q=None, allowed=None, carry=None, **options):
    """What is added to logits that are all `logit`, [L, M]; queries of one head are 1 unless given."""
    rows, width = table.shape
    cope = encodings.build('cope_contextual', max_positions=rows, **options).sized(width, 1)
    cope = cope.with_params({'table': jnp.asarray(table, jnp.float32)})
    q = jnp.ones((1, LENGTH, 1, width)) if q is None else q
    allowed = np.tril(np.ones((1, LENGTH, LENGTH), bool)) if allowed is None else allowed
    logits = jnp.full((1, 1, LENGTH, LENGTH), logit)
    carry = cope.first_carry(q) if carry is None else carry
    after, counted = cope.score(logits, base.Block(q, None, None, None, allowed_BLM=allowed), carry)
    return np.where(allowed, after - logits, 0.0)[0, 0], counted[0, 0]


def test_where_every_token_counts_positions_are_counted_from_the_query_backwards():
    """Section 4 of arXiv 2405.18719: gates of 1 give p = i - j + 1, a relative position, here clipped at row 4."""
    got, counted = terms(100.0, np.arange(5.0)[:, None])
    wanted = np.tril(np.minimum(np.arange(LENGTH)[:, None] - np.arange(LENGTH) + 1, 4))
    np.testing.assert_array_equal(got, wanted)
    np.testing.assert_array_equal(counted, np.arange(1, LENGTH + 1))


def test_where_every_token_counts_it_is_music_transformer_one_row_later():
    table, q = draw(LENGTH + 1, 4, seed=1), draw(1, LENGTH, 1, 4, seed=2)
    music = encodings.build('music', max_length=LENGTH).sized(4, 1).with_params({'table': table[1:, None]})
    pos = np.arange(LENGTH)[None]
    wanted, _ = music.score(jnp.zeros((1, 1, LENGTH, LENGTH)), base.Block(q, None, pos, pos), None)
    np.testing.assert_allclose(terms(100.0, table, q)[0], wanted[0, 0], rtol=0, atol=1e-5)


def test_between_two_rows_a_position_is_interpolated():
    """Gates of sigmoid(0) = 1/2: positions 1/2, 1, 3/2, ... of rows 0, 1, 10, 100."""
    got, _ = terms(0.0, np.array([0.0, 1.0, 10.0, 100.0])[:, None])
    np.testing.assert_allclose(got[5, ::-1], [0.5, 1.0, 5.5, 10.0, 55.0, 100.0], rtol=1e-6)


def test_hidden_keys_do_not_count():
    allowed = np.tril(np.ones((1, LENGTH, LENGTH), bool))
    allowed[:, :, 2:4] = False
    got, _ = terms(100.0, np.arange(9.0)[:, None], allowed=allowed)
    np.testing.assert_array_equal(got[5], [4, 3, 0, 0, 2, 1])


def test_earlier_keys_go_on_from_what_was_counted():
    got, counted = terms(100.0, np.arange(20.0)[:, None], carry=jnp.full((1, 1, LENGTH), 7.0))
    np.testing.assert_array_equal(got[5, ::-1], np.arange(8, 14))
    np.testing.assert_array_equal(counted, np.arange(8, 14))


def test_without_its_scale_the_term_is_larger_by_the_root_of_the_head_width():
    table, q = draw(5, 4, seed=1), draw(1, LENGTH, 1, 4, seed=2)
    scaled, unscaled = (terms(0.3, table, q, scaled=scaled)[0] for scaled in (True, False))
    np.testing.assert_allclose(unscaled, 2 * scaled, rtol=0, atol=1e-5)
