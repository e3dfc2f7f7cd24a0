"""Say a string of bits twice."""

from tests.tasks.oracles import asking

LENGTHS = (5, 12, 33)
SETTINGS = [{}]


def answer(task, symbols):
    assert set(symbols) <= {0, 1}, 'bits'
    return symbols + symbols


def expected(task, batch, protocol):
    return asking.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    """Every bit is a coin toss, and so is every bit of an answer."""
    return asking.counted(task, batches, exact_match=0.5**length, token_accuracy=0.5)
