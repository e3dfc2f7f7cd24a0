"""Sort as Python sorts, and by selecting the smallest that is left."""

from tests.tasks.oracles import asking, spelling

LENGTHS = (2, 7, 12)
SETTINGS = [
    dict(symbols=7),
    dict(scratchpad=True, symbols=60, spelling='characters'),
    dict(variant='multi', scratchpad=True),
]


def answer(task, words):
    verb, *read = words
    assert verb == 'sort'
    if task.variant == 'single':
        rank = {word: number for number, word in enumerate(task.words)}
        things = [([word], rank[word]) for word in read]
        assert all(number < task.symbols for _, number in things)
    else:
        numbers = ''.join(read).split(',')
        assert numbers.pop() == '' and all(10 <= int(number) <= 9999 and number[0] != '0' for number in numbers)
        things = [([*number, ','], int(number)) for number in numbers]

    def flat(some):
        return [word for spelled, _ in some for word in spelled]

    said, left = [], list(things)
    while left:
        front = left[0]
        place = min(range(len(left)), key=lambda place: left[place][1])
        said += [*flat([front]), ':', *flat([left[place]]), '[']
        left[0], left[place] = left[place], front
        left = left[1:]
        said += [*flat(left), ']']
    in_order = flat(sorted(things, key=lambda thing: thing[1]))
    return [*said, 'so', *in_order] if task.scratchpad else in_order


def expected(task, batch, protocol):
    return spelling.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    return asking.counted(task, batches)
