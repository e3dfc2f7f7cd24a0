"""Reverse: backwards, twice, or backwards and forwards."""

from tests.tasks.oracles import asking, spelling

LENGTHS = (4, 9, 16)
SETTINGS = [dict(symbols=7), dict(variant='mc2x', symbols=60, spelling='characters'), dict(variant='mcrv', symbols=3)]


def answer(task, words):
    verb, *read = words
    assert verb == 'reverse' and not set(read) & {'reverse', 'next'}
    said = []
    for word in read:
        said.insert(0, word)
    return {'mc': said, 'mc2x': [*said, 'next', *said], 'mcrv': [*said, 'next', *read]}[task.variant]


def expected(task, batch, protocol):
    return spelling.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    """Each symbol is as likely at each place."""
    if task.spelling == 'characters':
        return asking.counted(task, batches)
    symbols, others = (length, 1) if task.variant == 'mc' else (2 * length, 2)
    accuracy = (symbols / task.symbols + others) / (symbols + others)
    found = asking.counted(task, batches, token_accuracy=accuracy)
    return dict(found, exact_match=(1 / task.symbols**length, 1e-9))
