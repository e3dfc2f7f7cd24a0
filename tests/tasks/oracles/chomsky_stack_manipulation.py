"""A list that symbols are appended to and popped from, one by one."""

from tests.tasks.oracles import asking

LENGTHS = (5, 12, 33)
SETTINGS = [{}]


def answer(task, symbols):
    assert len(symbols) == 1 or 1 <= bits_before(symbols) < len(symbols), 'a stack, then what is done to it'
    stack = []
    for symbol in symbols:
        if symbol in (0, 1):
            stack.append(symbol)
        elif symbol == 2:
            stack = stack[:-1]
        else:
            stack.append({3: 0, 4: 1}[symbol])
    said = [*reversed(stack), 2]
    return said + [0] * (len(symbols) + 1 - len(said)), len(said)


def bits_before(symbols):
    """How many bits stand before the first action; after it there are actions alone."""
    first = next(place for place, symbol in enumerate(symbols) if symbol > 1)
    assert all(symbol > 1 for symbol in symbols[first:])
    return first


def expected(task, batch, protocol):
    return asking.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    return asking.counted(task, batches)
