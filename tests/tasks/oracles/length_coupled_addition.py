"""Python's own addition of the numbers that are written down."""

from tests.tasks.oracles import asking

LENGTHS = (2, 5, 12)
SETTINGS = [{}]


def expected(task, batch, protocol):
    def answer(task, symbols):
        one, other = ''.join('0123456789+'[symbol] for symbol in symbols).split('+')
        assert len(one) == len(other)
        if protocol is not None:
            assert len(one) == 1 or '0' not in (one[0], other[0]), 'all digits that there are'
        total = str(int(one) + int(other)).zfill(len(one) + 1)
        return [int(digit) for digit in reversed(total)]

    return asking.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    """At each place the commonest digit; the carry out of the first digits is more often there than not."""
    return asking.counted(task, batches)
