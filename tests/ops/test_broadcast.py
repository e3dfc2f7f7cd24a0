"""What rows share is broadcast and multiplied as usual, gradients included."""

import jax.numpy as jnp
import pytest

from posbench.ops import broadcast
from tests.gradients import draw, same, with_gradients

SHAPES = [((1, 3, 4, 5), (2, 3, 4, 5)), ((1, 1, 4, 1), (2, 3, 4, 5)), ((2, 3, 4, 5), (2, 3, 4, 5))]


@pytest.mark.parametrize('small, large', SHAPES)
def test_spread_is_a_broadcast(small, large):
    x = draw(*small)
    got = with_gradients(lambda x: broadcast.spread(x, large), x)
    same(got, with_gradients(lambda x: jnp.broadcast_to(x, large), x))


@pytest.mark.parametrize('small, large', [*SHAPES, ((1, 3, 4, 5), (2, 3, 4, 1))])
def test_times_is_a_product(small, large):
    x, y = draw(*small), draw(*large, seed=1)
    same(with_gradients(broadcast.times, x, y), with_gradients(jnp.multiply, x, y))


def test_more_slices_than_are_added_one_by_one():
    x, shape = draw(1, 2, 3), (broadcast.SLICES + 1, 2, 3)
    got = with_gradients(lambda x: broadcast.spread(x, shape), x)
    same(got, with_gradients(lambda x: jnp.broadcast_to(x, shape), x))


@pytest.mark.parametrize('length', [1, 2, 5])
def test_what_is_made_once_is_what_the_function_makes(length):
    x, y = draw(2, length, 3), draw(1, length, 3, seed=1)

    def waves(x, y):
        return jnp.stack([jnp.sin(x + y), x * y], axis=2)

    same(with_gradients(lambda x, y: broadcast.made_once(waves, x, y), x, y), with_gradients(waves, x, y))
