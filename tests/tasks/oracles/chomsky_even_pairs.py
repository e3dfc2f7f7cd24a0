"""Pairs 01 and 10, counted one by one."""

import itertools

from tests.tasks.oracles import asking

LENGTHS = (5, 12, 33)
SETTINGS = [{}]


def answer(task, symbols):
    assert set(symbols) <= {0, 1}, 'bits'
    unequal = 0
    for one, next_one in itertools.pairwise(symbols):
        if one != next_one:
            unequal += 1
    return [unequal % 2]


def expected(task, batch, protocol):
    return asking.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    """A coin."""
    return asking.counted(task, batches, exact_match=0.5, token_accuracy=0.5)
