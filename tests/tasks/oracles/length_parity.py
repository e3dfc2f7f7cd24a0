"""Count ones, and say whether they are even."""

from tests.tasks.oracles import asking, spelling

# Of few bits a question comes again.
LENGTHS = (4, 16, 64)
SETTINGS = [{}, dict(scratchpad=True, spelling='characters')]


def answer(task, words):
    verb, *bits = words
    assert verb == 'even' and set(bits) <= {'0', '1'}
    said = []
    for count, bit in enumerate(bits):
        before = bits[:count].count('1') % 2
        after = bits[: count + 1].count('1') % 2
        said += [bit, '+', str(before), '=', str(after), ';']
    said = [*said, 'so'] if task.scratchpad else []
    return [*said, 'no' if bits.count('1') % 2 else 'yes']


def expected(task, batch, protocol):
    return spelling.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    """Half of all strings of bits have an even number of ones."""
    known = {} if task.scratchpad else dict(exact_match=0.5, token_accuracy=0.5)
    return asking.counted(task, batches, **known)
