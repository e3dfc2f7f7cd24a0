"""Integers of Python, which have any size."""

from tests.tasks.oracles import asking, written

LENGTHS = (5, 12, 33)
SETTINGS = [{}]


def answer(task, symbols):
    one, other = written.two_numbers(symbols)
    said = [*map(int, reversed(f'{one + other:b}')), 2]
    return said + [0] * (len(symbols) + 1 - len(said)), len(said)


def expected(task, batch, protocol):
    return asking.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    return asking.counted(task, batches)
