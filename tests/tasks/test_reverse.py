"""How long the sequences are that are to be reversed, and what counts as right."""

import jax
import numpy as np

from posbench.tasks.sequence import reverse


def test_in_training_every_length_is_as_frequent_as_any_other():
    batch = reverse.Task().sample(jax.random.key(0), 4000, 8)
    counts = np.bincount((np.asarray(batch['source_segment_ids_BM']) >= 0).sum(axis=1), minlength=9)
    # 500 each; standard deviation 21.
    assert counts[0] == 0 and np.abs(counts[1:] - 500).max() < 105


def test_every_symbol_is_as_frequent_as_any_other():
    batch = reverse.Task(symbols=4).sample(jax.random.key(0), 2000, 8)
    symbols = np.asarray(batch['source_BM'])[np.asarray(batch['source_segment_ids_BM']) >= 0]
    # About 9,000 of them, and five standard deviations.
    np.testing.assert_allclose(np.bincount(symbols, minlength=4) / len(symbols), 0.25, atol=0.025)


def test_one_wrong_token_is_no_exact_match_and_what_follows_the_end_does_not_matter():
    task = reverse.Task(symbols=3)
    batch = dict(targets_BL=np.array([[2, 1, 4, 4], [0, 0, 1, 4]]), weights_BL=np.array([[1, 1, 1, 0], [1, 1, 1, 1.0]]))
    right, wrong = np.array([2, 1, 4, 0]), np.array([0, 2, 1, 4])
    sums = task.score(np.stack([right, wrong]), batch)
    assert task.values(sums) == dict(exact_match=0.5, token_accuracy=6 / 7)
    (right_L, weight_L) = task.places(sums)['token_accuracy']
    np.testing.assert_array_equal(right_L, [2, 1, 2, 1])
    np.testing.assert_array_equal(weight_L, [2, 2, 2, 1])


def test_an_example_is_read_as_letters():
    batch = jax.tree.map(np.asarray, reverse.Task().sample(jax.random.key(2), 1, 4))
    count = int((batch['source_segment_ids_BM'] >= 0).sum())
    letters = [chr(ord('a') + token) for token in batch['source_BM'][0, :count]]
    read, wanted, said = (line.split() for line in reverse.Task().example(batch, 0, np.full(5, 1)).splitlines())
    assert read == ['read', *letters] and wanted == ['wanted', *letters[::-1], '.']
    assert said == ['said', *['b'] * (count + 1)]
