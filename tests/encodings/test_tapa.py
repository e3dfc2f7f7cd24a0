"""Token-aware phases, by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from posbench import encodings
from posbench.encodings import base


def logits(q_K, k_K, distances, **options):
    """Of one query before it is divided by sqrt(K), and equal keys so far behind it."""
    encoding = encodings.build('tapa', **options).sized(len(q_K), 1)
    q = jnp.asarray(q_K, jnp.float32).reshape(1, 1, 1, -1) * len(q_K) ** -0.5
    k = jnp.tile(jnp.asarray(k_K, jnp.float32), (1, len(distances), 1, 1))
    pos_k = 100 - jnp.asarray([distances])
    return encoding.product(base.Block(q, k, jnp.full((1, 1), 100), pos_k), None)[0][0, 0, 0]


def test_a_token_meets_itself_by_the_channels_of_the_amplitude_alone():
    """(1, 2) · (3, 4) / sqrt(2), whatever the phase is."""
    np.testing.assert_allclose(logits([1, 2, 5, 6], [3, 4, 7, 8], [0]), [11 / 2**0.5], rtol=1e-6)


def test_a_phase_of_a_quarter_swings_once_in_four_tokens():
    """Equation 12 with alpha = 1: q_P · k_P / sqrt(1) = 1/4, so that cos(pi d / 2) times 2 · 3."""
    got = logits([2, 0.5], [3, 0.5], [0, 1, 2, 3, 4], exponent=1.0)
    np.testing.assert_allclose(got, [6, 0, -6, 0, 6], atol=1e-5)


def test_the_exponent_bends_distance_and_later_keys_count_like_earlier_ones():
    """16^(1/2) = 4 quarters are a whole turn, and 4^(1/2) = 2 half of one."""
    got = logits([2, 0.5], [3, 0.5], [16, 4, -16, -4], exponent=0.5)
    np.testing.assert_allclose(got, [6, -6, 6, -6], atol=1e-5)


@pytest.mark.parametrize('share', [0.1, 0.9])
def test_a_share_that_leaves_one_part_without_channels_is_an_error(share):
    with pytest.raises(ValueError, match=f'amplitude_share={share}.*wanted at least one and not all'):
        logits([1, 1], [1, 1], [0], amplitude_share=share)
