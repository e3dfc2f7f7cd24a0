"""Add numbers as Python adds them."""

from tests.tasks.oracles import asking, spelling

LENGTHS = (3, 9, 16)
SETTINGS = [{}, dict(reverse=True, scratchpad=True, spelling='characters')]


def answer(task, words):
    verb, *read = words
    assert verb == 'compute' and read.count('+') == 1
    a, b = ''.join(read).split('+')
    assert str(int(a)) == a and str(int(b)) == b, 'no zero stands before a number'
    said, carried = [], 0
    for place in range(max(len(a), len(b))):
        one, other = (int(number[::-1][place]) if place < len(number) else 0 for number in (a, b))
        total = one + other + carried
        said += f'{one} + {other} + {carried} = {total % 10} , {total // 10} ;'.split()
        carried = total // 10
    digits = list(str(int(a) + int(b)))
    digits = digits[::-1] if task.reverse else digits
    return [*said, 'so', *digits] if task.scratchpad else digits


def expected(task, batch, protocol):
    return spelling.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    return asking.counted(task, batches)
