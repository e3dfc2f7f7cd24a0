"""The line as a text, and Python's own index."""

import math

from tests.tasks.oracles import asking

LENGTHS = (4, 11, 40)
SETTINGS = [{}, dict(letters=45, shift=3), dict(letters=99, shift=40)]
OTHER = dict(letters=53, shift=2)


def answer(task, symbols):
    words = [f'<{symbol}>' if symbol < task.letters else task.symbol(symbol) for symbol in symbols]
    first = words.index(',')
    string, letter, comma, number = words[:first], words[first + 1], words[first + 2], ''.join(words[first + 3 :])
    assert comma == ',' and len(set(string)) == len(string)
    shift = int(number)
    assert number == f'{shift:+d}' and abs(shift) <= task.shift
    place = string.index(letter) + shift
    assert 0 <= place < len(string)
    return [int(string[place].strip('<>'))]


def expected(task, batch, protocol):
    return asking.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    """All letters of the alphabet are alike."""
    found = asking.counted(task, batches, exact_match=1 / task.letters, token_accuracy=1 / task.letters)
    return found | dict(loss=(math.log(task.letters), 1e-6))
