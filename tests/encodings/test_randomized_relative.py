"""What the released code of randomized relative positions does, and its paper does not."""

import jax
import jax.numpy as jnp
import numpy as np

from posbench import encodings, positions
from tests.encodings import small

LENGTH, HEADS, WIDTH = 10, 2, 8


def draw(*shape, seed):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def position_terms(name, pos_L):
    """The logits of equal queries with keys of zeros in an encoder, [H, L, L]: what positions alone make."""
    encoding = encodings.build(name).sized(WIDTH, HEADS)
    params = encoding.init_params(jax.random.key(0))
    # No query attends to two tokens: values are unit vectors, and their weights the output.
    q = jnp.broadcast_to(draw(1, 1, HEADS, WIDTH // HEADS, seed=1), (1, LENGTH, HEADS, WIDTH // HEADS))
    v = jnp.broadcast_to(jnp.eye(LENGTH)[None, :, None], (1, LENGTH, HEADS, LENGTH))
    x, k = jnp.zeros((1, LENGTH, WIDTH)), jnp.zeros_like(q)
    weights_LHM = small.attended(encoding.with_params(params), q, k, v, x, pos_L[None], causal=False)[0]
    return np.log(np.moveaxis(np.asarray(weights_LHM), 1, 0))


DRAWN = np.asarray(positions.randomized_distances(jax.random.key(3), 1, LENGTH, max_position=2048)[0])


def test_pairs_of_one_distance_share_a_draw_and_in_the_paper_they_do_not():
    for name, shared in (('randomized_relative_as_released', True), ('transformer_xl', False)):
        # Less that of the query itself, by which a softmax cannot tell two queries apart.
        terms = position_terms(name, DRAWN)
        terms = terms - np.diagonal(terms, axis1=1, axis2=2)[..., None]
        one_back = np.diagonal(terms, -1, axis1=1, axis2=2)
        assert (np.ptp(one_back, axis=1).max() < 1e-4) == shared, name


def test_later_keys_are_as_near_as_the_token_itself_as_the_table_ends_there():
    """Issue 2 of google-deepmind/randomized_positional_encodings."""
    terms = position_terms('randomized_relative_as_released', DRAWN)
    own = np.diagonal(terms, axis1=1, axis2=2)[..., None]
    later = np.triu(np.ones((LENGTH, LENGTH), bool))
    np.testing.assert_allclose(np.where(later, terms, own), np.broadcast_to(own, terms.shape), rtol=0, atol=1e-4)
    assert np.abs(np.where(later, 0, terms - own)).max() > 0.1
