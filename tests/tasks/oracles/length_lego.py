"""Follow the sentences from the first one on."""

import math

from tests.tasks.oracles import asking, spelling

LENGTHS = (4, 7, 10)
SETTINGS = [dict(names=12), dict(names=60, scratchpad=True, spelling='characters')]
VALUES = {'+1': 1, '-1': -1}


def answer(task, words):
    verb, *sentences, asked, query = words
    assert verb == 'if' and asked == 'value' and sentences[-1] == ','
    values, said, sayings = {}, [], {}
    for number, sentence in enumerate(' '.join(sentences[:-1]).split(' , ')):
        name, equals, *right = sentence.split()
        assert equals == '=' and name not in values
        if number == 0:
            values[name] = VALUES[right[0]]
            said += [name, '=', *right, ';']
        else:
            sign, other = right
            assert list(values)[-1] == other
            values[name] = values[other] if sign == '+' else -values[other]
            said += [name, '=', sign, f'{values[other]:+d}', '=', f'{values[name]:+d}', ';']
        sayings[name] = list(said)
    order = list(values)
    assert set(order) <= set(task.words[: task.names])
    assert math.ceil(len(order) / 2) <= order.index(query)
    return [*([*sayings[query], 'so'] if task.scratchpad else []), f'{values[query]:+d}']


def expected(task, batch, protocol):
    return spelling.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    """Plus or minus."""
    known = {} if task.scratchpad else dict(exact_match=0.5, token_accuracy=0.5)
    return asking.counted(task, batches, **known)
