"""Copy: once or twice, all symbols or one that is repeated."""

from tests.tasks.oracles import asking, spelling

LENGTHS = (4, 9, 16)
SETTINGS = [
    dict(symbols=7),
    dict(variant='rsc', symbols=3),
    dict(variant='rdc', symbols=5),
    dict(variant='rsc2x', symbols=60, spelling='characters'),
    dict(variant='cmc2x', symbols=3),
]


def answer(task, words):
    if task.variant == 'rdc':
        verb, one, with_, other, in_, *read = words
        assert [verb, with_, in_] == ['replace', 'with', 'in'] and set(read) == {one} and one != other
        return [other for _ in read]
    verb, *read = words
    assert verb == 'copy' and not set(read) & {'copy', 'replace', 'with', 'in', 'next'}
    if task.variant.startswith('rsc'):
        assert len(set(read)) == 1
    return {'rsc': read, 'cmc': read, 'rsc2x': read + read, 'cmc2x': [*read, 'next', *read]}[task.variant]


def expected(task, batch, protocol):
    return spelling.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    """Each symbol is as likely at each place; of those that are repeated one has to be guessed."""
    if task.spelling == 'characters':
        return asking.counted(task, batches)
    exact = 1 / task.symbols ** (1 if task.variant.startswith('r') else length)
    symbols, others = {'rsc2x': (2 * length, 1), 'cmc2x': (2 * length, 2)}.get(task.variant, (length, 1))
    known = dict(token_accuracy=(symbols / task.symbols + others) / (symbols + others))
    found = asking.counted(task, batches, **known)
    # What says the commonest symbol of each place may not say one of them throughout.
    return dict(found, exact_match=(exact, 1e-9))
