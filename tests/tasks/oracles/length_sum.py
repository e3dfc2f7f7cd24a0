"""Add digits, modulo 10."""

from tests.tasks.oracles import asking, spelling

LENGTHS = (3, 9, 16)
SETTINGS = [{}, dict(scratchpad=True, spelling='characters')]


def answer(task, words):
    verb, *read = words
    assert verb == 'compute' and set(read[1::2]) <= {'+'} and len(read) % 2
    terms = [int(word) for word in read[::2]]
    assert all(1 <= term <= 9 for term in terms)
    said, total = [], 0
    for term in terms:
        said += [str(term), '+', str(total), '=', str(total + term), ';']
        total = (total + term) % 10
    return [*said, 'so', str(total)] if task.scratchpad else [str(total)]


def expected(task, batch, protocol):
    return spelling.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    """Of the commonest sum of all there are: 729 of three terms, of which 81 end with each digit, about."""
    if task.scratchpad:
        return asking.counted(task, batches)
    ways = [1] + [0] * 9
    for _ in range(length):
        ways = [sum(ways[(total - term) % 10] for term in range(1, 10)) for total in range(10)]
    right = max(ways) / sum(ways)
    found = asking.counted(task, batches, exact_match=right, token_accuracy=right)
    return {name: (value, 1e-9 if name != 'loss' else tolerance) for name, (value, tolerance) in found.items()}
