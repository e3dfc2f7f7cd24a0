"""What the head of a sequence makes of the states of its tokens: which of them, and what of classes."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from posbench.heads import classify
from posbench.tasks import classification

ROWS, LENGTH, WIDTH = 5, 7, 4
# Padding on the right, on the left, on both sides, none, and nothing else.
SEGMENTS = np.array(
    [[0] * 4 + [-1] * 3, [-1] * 2 + [3] * 5, [-1, 0, 0, 0, 1, 1, -1], [0] * 7, [-1] * 7], dtype=np.int32
)


def states():
    # All below 0, so that no padding with 0 would pass for their maximum.
    return -np.random.default_rng(0).uniform(1, 2, (ROWS, LENGTH, WIDTH)).astype(np.float32)


def pooled(pool, segments_BL, directions=()):
    head = classify.Head(pool=pool, classes=3, directions=directions)
    return np.asarray(head.pooled(states(), segments_BL))


def places(row):
    return np.flatnonzero(SEGMENTS[row] >= 0)


@pytest.mark.parametrize('pool, of', [('mean', np.mean), ('max', np.max)])
def test_padding_is_in_no_mean_and_no_maximum(pool, of):
    got = pooled(pool, SEGMENTS)
    for row in range(ROWS - 1):
        np.testing.assert_allclose(got[row], of(states()[row, places(row)], axis=0), rtol=1e-6)
    assert (got[-1] == 0).all()
    np.testing.assert_allclose(pooled(pool, None), of(states(), axis=1), rtol=1e-6)


def test_the_last_states_are_those_of_each_direction_where_it_has_read_all():
    got = pooled('last', SEGMENTS, ('forward', 'backward'))
    for row in range(ROWS - 1):
        first, *_, last = places(row)
        wanted = [*states()[row, last, : WIDTH // 2], *states()[row, first, WIDTH // 2 :]]
        np.testing.assert_array_equal(got[row], wanted)
    np.testing.assert_array_equal(pooled('last', SEGMENTS, ('forward',))[0], states()[0, 3])
    np.testing.assert_array_equal(pooled('last', None, ('forward',)), states()[:, -1])


def said(segments_BL=SEGMENTS, **options):
    head = classify.Head(dtype=jnp.float32, **options)
    variables = head.init(jax.random.key(0), states(), dict(segment_ids_BL=segments_BL), None)
    return head, variables, np.asarray(head.apply(variables, states(), dict(segment_ids_BL=segments_BL), None))


def test_a_sigmoid_is_trained_by_binary_cross_entropy_and_gives_the_second_class():
    _, variables, logits_B2 = said(classes=2, activation='sigmoid')
    kernel = variables['params']['logits']['kernel']
    assert kernel.shape == (WIDTH, 1)
    z_B = pooled('mean', SEGMENTS) @ np.asarray(kernel)[:, 0]
    np.testing.assert_allclose(jax.nn.softmax(logits_B2)[:, 1], jax.nn.sigmoid(z_B), rtol=1e-5)
    targets_B = np.array([0, 1, 1, 0, 1], np.int32)
    nats, weight = classification.loss(jnp.asarray(logits_B2), targets_B, np.ones(ROWS, np.float32))
    np.testing.assert_allclose(nats, optax.sigmoid_binary_cross_entropy(z_B, targets_B).sum(), rtol=1e-5)
    assert weight == ROWS


def test_one_sigmoid_for_three_classes_is_refused_in_one_line():
    with pytest.raises(ValueError, match=r"config\.head.activation: got 'sigmoid' for 3 classes, wanted 'softmax'"):
        said(classes=3, activation='sigmoid')
