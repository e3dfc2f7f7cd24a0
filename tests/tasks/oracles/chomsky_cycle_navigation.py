"""A walk on a circle of five places, step by step."""

from tests.tasks.oracles import asking

LENGTHS = (5, 12, 33)
SETTINGS = [{}]


def answer(task, symbols):
    assert set(symbols) <= {0, 1, 2}, 'steps'
    place = 0
    for symbol in symbols:
        place = {0: (place or 5) - 1, 1: place, 2: (place + 1) % 5}[symbol]
    return [place]


def expected(task, batch, protocol):
    return asking.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    return asking.counted(task, batches)
