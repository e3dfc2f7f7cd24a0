"""Integers of Python, which have any size."""

import math

from tests.tasks.oracles import asking

LENGTHS = (4, 12, 33)
SETTINGS = [{}]


def answer(task, symbols):
    number = int(''.join(map(str, symbols)), base=2)
    assert number > 0
    return [int(bit) for bit in f'{math.isqrt(number):b}'.zfill(math.ceil(len(symbols) / 2))]


def expected(task, batch, protocol):
    return asking.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    return asking.counted(task, batches)
