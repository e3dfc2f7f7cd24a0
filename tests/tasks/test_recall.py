"""What is drawn in tasks that ask for something that was said before, and where it was."""

import collections

import jax
import numpy as np
import pytest

from posbench import tasks
from posbench.tasks import base
from posbench.tasks.retrieval import indirect_indexing, needle


def held_out(task, length, rows):
    """One batch."""
    tokens = rows * task.tokens(length)
    ((_, batch),) = task.held_out('test', length, base.Budget(tokens, tokens, length))
    return batch


def test_a_needle_is_found_by_where_it_stood():
    """Of every depth as many, and each counted at its own."""
    task = needle.Task(needles=2, keys=4)
    batch = held_out(task, 20, 600)
    logits = np.eye(task.vocabulary, dtype=np.float32)[batch['targets_BL']]
    # Those are wrong that stand in the first half.
    place_B = np.array([row.tolist().index(row[20]) - 1 for row in batch['inputs_BL']])
    logits[place_B < 9] *= -1
    right_A, tokens_A = task.places(task.score(logits, batch))['token_accuracy']
    np.testing.assert_array_equal(tokens_A, np.bincount(place_B, minlength=len(tokens_A)))
    assert right_A[:9].sum() == 0 and (right_A[9:] == tokens_A[9:]).all()
    # 18 places for the first token of a pair; those at the ends are as likely as those in between, if not more.
    assert tokens_A[18:].sum() == 0 and np.abs(tokens_A[:18] - 600 / 18).max() < 5 * (600 / 18) ** 0.5


def test_a_shift_is_as_likely_as_any_other_that_stays_in_the_string():
    task = indirect_indexing.Task(letters=12, shift=2)
    counts = collections.Counter()
    for row in np.asarray(task.sample(jax.random.key(0), 1500, 12)['inputs_BL']):
        text = [task.symbol(token) for token in row[1 : row.tolist().index(task.asks)]]
        stop = text.index(',')
        assert 6 <= stop <= 12, 'from half of the length on'
        place = text.index(text[stop + 1])
        if 2 <= place < stop - 2:
            counts[int(''.join(text[stop + 3 :]))] += 1
    total = counts.total()
    assert set(counts) == {-2, -1, 0, 1, 2}
    assert max(abs(count - total / 5) for count in counts.values()) < 5 * (total / 5) ** 0.5


@pytest.mark.parametrize(
    ('name', 'options', 'length', 'message'),
    [
        ('retrieval/counting', {}, 2, 'length: got 2, wanted at least 3'),
        ('retrieval/indirect_indexing', {}, 53, 'length: got 53, wanted at most config.task.letters = 52'),
        ('retrieval/key_value', {}, 129, 'length: got 129, wanted at most config.task.keys = 128'),
        ('retrieval/needle', dict(needles=4), 8, 'length: got 8, wanted at least 9'),
        ('retrieval/needle', dict(needles=4, keys=3), 9, 'config.task.needles: got 4, wanted at most'),
        ('retrieval/passkey', {}, 50, 'length: got 50, wanted at least 56'),
        ('sequence/local_reorder', {}, 65, 'length: got 65, wanted at most 64, half of the 128 symbols'),
    ],
)
def test_what_cannot_be_asked_is_one_line(name, options, length, message):
    task = tasks.build(name, **options)
    with pytest.raises(ValueError, match=message):
        task.sample(jax.random.key(0), 2, length)
    with pytest.raises(ValueError, match=message):
        next(task.held_out('test', length, base.Budget(1000, 1000, length)))
