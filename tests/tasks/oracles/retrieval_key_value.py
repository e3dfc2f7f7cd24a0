"""A dictionary."""

import math

from tests.tasks.oracles import asking

LENGTHS = (2, 7, 16)
SETTINGS = [dict(keys=20, symbols=6), dict(keys=16, symbols=2)]
OTHER = dict(keys=21, symbols=7)


def answer(task, symbols):
    *pairs, query = symbols
    memory = dict(zip(pairs[::2], pairs[1::2], strict=True))
    assert len(memory) == len(pairs) // 2, 'no key stands twice'
    assert max(memory) < task.keys <= min(memory.values()), 'keys and values take turns'
    return [memory[query]]


def expected(task, batch, protocol):
    return asking.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    """Every value is drawn by itself."""
    found = asking.counted(task, batches, exact_match=1 / task.symbols, token_accuracy=1 / task.symbols)
    return found | dict(loss=(math.log(task.symbols), 1e-6))
