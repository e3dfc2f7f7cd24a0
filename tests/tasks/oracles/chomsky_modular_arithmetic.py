"""Python evaluates what is written."""

from tests.tasks.oracles import asking

LENGTHS = (5, 12, 33)
SETTINGS = [{}]


def answer(task, symbols):
    assert len(symbols) % 2, 'digits on both sides of each operator'
    assert all(symbol < 5 for symbol in symbols[::2]) and all(symbol >= 5 for symbol in symbols[1::2])
    return [eval(''.join('01234+-*'[symbol] for symbol in symbols)) % 5]


def expected(task, batch, protocol):
    return asking.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    return asking.counted(task, batches)
