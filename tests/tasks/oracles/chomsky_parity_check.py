"""Ones, counted one by one."""

from tests.tasks.oracles import asking

LENGTHS = (5, 12, 33)
SETTINGS = [{}]


def answer(task, symbols):
    assert set(symbols) <= {0, 1}, 'bits'
    odd = False
    for symbol in symbols:
        if symbol == 1:
            odd = not odd
    return [int(odd)]


def expected(task, batch, protocol):
    return asking.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    """A coin."""
    return asking.counted(task, batches, exact_match=0.5, token_accuracy=0.5)
