"""Costs of the tokens in between: by hand, and where they are ALiBi."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import encodings
from posbench.encodings import base
from posbench.models import attention
from tests.encodings import contract, small

HEADS, WIDTH, LENGTH = 2, 8, 6
PAST = np.tril(np.ones((1, LENGTH, LENGTH), bool))


def draw(*shape, seed):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def added(weight, x, pos, **options):
    """What is added to the logits of one block, [H, L, M]."""
    encoding = encodings.build('grape_ap', **options).sized(WIDTH, HEADS).with_params({'weight': weight})
    aux = encoding.accumulate(encoding.aux(x, pos), pos, attention.sequence_order(LENGTH))
    q = jnp.zeros((1, LENGTH, HEADS, 4))
    block = base.Block(q, q, pos, pos, aux, aux, PAST)
    return encoding.score(jnp.zeros((1, HEADS, LENGTH, LENGTH)), block, encoding.first_carry(q))[0][0] * PAST


def test_tokens_that_match_nothing_cost_alibi_times_log_2():
    """log sigmoid(0) = -log 2 for each token after the key; slopes 1/16 and 1/256."""
    pos = small.positions(1, LENGTH)
    got = added(jnp.zeros((WIDTH, HEADS, 8)), draw(1, LENGTH, WIDTH, seed=0), pos)
    alibi = encodings.build('alibi').sized(WIDTH, HEADS).bias(pos, pos)[0] * PAST
    np.testing.assert_allclose(got, np.log(2) * alibi, rtol=0, atol=1e-6)


def test_a_token_is_turned_by_its_position_in_radians():
    """p = (2, 0), so p̂ = (sqrt 2, 0) and the match with the token at position t is sqrt 2 cos t."""
    weight, x = jnp.zeros((WIDTH, HEADS, 2)).at[0, :, 0].set(2.0), jnp.ones((1, LENGTH, WIDTH))
    pos = np.array([[0, 1, 3, 4, 9, 11]], np.int32)
    costs = jax.nn.log_sigmoid(np.sqrt(2) * np.cos([4, 9, 11])) / 16
    got = added(weight, x, pos, channels=2)[0, 5]
    np.testing.assert_allclose(got[2:], [costs.sum(), costs[1:].sum(), costs[2], 0], rtol=0, atol=1e-6)


def test_without_the_turn_it_is_relative_and_reads_no_positions():
    relative = encodings.build('grape_ap', rotated=False)
    contract.order.adding_one_number_to_all_positions_does_what_is_claimed(relative)
    contract.batches.every_position_map_works(relative)


def test_an_odd_number_of_channels_cannot_be_turned():
    with pytest.raises(ValueError, match='channels=7'):
        encodings.build('grape_ap', channels=7).sized(WIDTH, HEADS).init_params(jax.random.key(0))
