"""The bit that is hidden in one copy stands in the other."""

from tests.tasks.oracles import asking

LENGTHS = (5, 12, 33)
SETTINGS = [{}]


def answer(task, symbols):
    if len(symbols) % 2:
        assert symbols[-1] == 3, 'padding'
    half = len(symbols) // 2
    one, other = symbols[:half], symbols[half : 2 * half]
    assert (one + other).count(2) == 1 and max(one + other) == 2, 'one bit is hidden'
    (found,) = [(a, b) for a, b in zip(one, other) if a != b]
    return [min(found)]


def expected(task, batch, protocol):
    return asking.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    """A coin."""
    return asking.counted(task, batches, exact_match=0.5, token_accuracy=0.5)
