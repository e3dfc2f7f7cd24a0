"""Every digit is tried."""

from tests.tasks.oracles import asking, written

LENGTHS = (5, 12, 33)
SETTINGS = [{}]


def answer(task, symbols):
    text = ''.join('01234+-()x='[symbol] for symbol in symbols)
    left, equals, right = text.partition('=')
    assert equals and right in {*'01234'} and left.count('x') == 1 and written.is_expression(left)
    fitting = [digit for digit in range(5) if eval(left.replace('x', str(digit))) % 5 == int(right)]
    assert len(fitting) == 1
    return fitting


def expected(task, batch, protocol):
    return asking.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    """Any digit."""
    return asking.counted(task, batches, exact_match=0.2, token_accuracy=0.2)
