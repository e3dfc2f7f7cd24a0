"""Python evaluates what is written."""

from tests.tasks.oracles import asking, written

LENGTHS = (5, 12, 33)
SETTINGS = [{}]


def answer(task, symbols):
    text = ''.join('01234+-*()'[symbol] for symbol in symbols)
    assert written.is_expression(text)
    return [eval(text) % 5]


def expected(task, batch, protocol):
    return asking.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    return asking.counted(task, batches)
