"""Heads that step behind their modifiers one by one."""

from tests.tasks.oracles import sequence_reverse

LENGTHS = (4, 9, 16)
SETTINGS = [dict(symbols=32), dict(symbols=33, reach=1), dict(symbols=40, reach=4)]
OTHER = dict(symbols=34, reach=1)

counted = sequence_reverse.counted


def said(symbols, reach):
    """In the order of the target language."""
    found, place = [], 0
    while place < len(symbols):
        if symbols[place] % 2:
            found.append(symbols[place])
            place += 1
            continue
        head, place, steps = symbols[place], place + 1, 0
        while steps < reach and place < len(symbols) and symbols[place] % 2:
            found.append(symbols[place])
            place, steps = place + 1, steps + 1
        found.append(head)
    return found


def expected(task, batch, protocol):
    for tokens in batch['source_BM'].tolist():
        symbols = [token for token in tokens if token < task.symbols]
        assert len(set(symbols)) == len(symbols), 'no symbol stands twice'
    return sequence_reverse.expected(task, batch, protocol, lambda symbols: said(symbols, task.reach))
