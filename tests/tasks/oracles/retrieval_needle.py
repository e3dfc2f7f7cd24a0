"""The haystack is gone through straw by straw."""

import math

from tests.tasks.oracles import asking

LENGTHS = (7, 12, 40)
SETTINGS = [dict(keys=6, symbols=5, fillers=4), dict(needles=3, keys=4, symbols=5, fillers=1)]
OTHER = dict(needles=2, keys=7, symbols=6, fillers=5)


def answer(task, symbols):
    *hay, query = symbols
    memory, place = {}, 0
    while place < len(hay):
        if hay[place] < task.keys:
            assert hay[place] not in memory and task.keys <= hay[place + 1] < task.keys + task.symbols
            memory[hay[place]] = hay[place + 1]
            place += 1
        else:
            assert hay[place] >= task.keys + task.symbols, 'a value of no key'
        place += 1
    assert len(memory) == task.needles
    return [memory[query]]


def expected(task, batch, protocol):
    return asking.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    """Every value is drawn by itself."""
    found = asking.counted(task, batches, exact_match=1 / task.symbols, token_accuracy=1 / task.symbols)
    return found | dict(loss=(math.log(task.symbols), 1e-6))
