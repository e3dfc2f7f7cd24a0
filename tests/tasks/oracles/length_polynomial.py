"""Evaluate a polynomial in integers of any size, and take what is left of it by 10."""

from tests.tasks.oracles import asking, spelling

LENGTHS = (2, 5, 9)
SETTINGS = [{}, dict(scratchpad=True, spelling='characters')]


def answer(task, words):
    *start, x, in_ = words[:5]
    assert start == ['evaluate', 'x', '='] and in_ == 'in' and -2 <= int(x) <= 2
    terms, said, total = ' '.join(words[5:]).split(' + '), [], 0
    for term in terms:
        coefficient, times, letter, to, degree = term.split()
        assert [times, letter, to] == ['*', 'x', '^'] and -3 <= int(coefficient) <= 3 and 0 <= int(degree) <= 3
        power = int(x) ** int(degree)
        value = int(coefficient) * power
        said += [coefficient, '*', str(power), '=', str(value), '+', str(total % 10), '=']
        total += value
        said += [str(total % 10), ';']
    return [*said, 'so', str(total % 10)] if task.scratchpad else [str(total % 10)]


def expected(task, batch, protocol):
    return spelling.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    return asking.counted(task, batches)
