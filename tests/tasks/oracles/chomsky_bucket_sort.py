"""Symbols in buckets."""

from tests.tasks.oracles import asking

LENGTHS = (5, 12, 33)
SETTINGS = [{}]


def answer(task, symbols):
    buckets = [0] * 5
    for symbol in symbols:
        buckets[symbol] += 1
    return [symbol for symbol, count in enumerate(buckets) for _ in range(count)]


def expected(task, batch, protocol):
    return asking.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    return asking.counted(task, batches)
