"""Reverse a string of bits, one by one."""

from tests.tasks.oracles import asking

LENGTHS = (4, 9, 16)
SETTINGS = [{}]


def answer(task, symbols):
    assert set(symbols) <= {0, 1}, 'bits'
    said = []
    for symbol in symbols:
        said.insert(0, symbol)
    return said


def expected(task, batch, protocol):
    return asking.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    """Every bit is a coin toss, and so is every bit of an answer."""
    return asking.counted(task, batches, exact_match=0.5**length, token_accuracy=0.5)
