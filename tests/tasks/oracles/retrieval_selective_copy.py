"""What is no blank is written down."""

import math

from tests.tasks.oracles import asking

LENGTHS = (3, 8, 17)
SETTINGS = [dict(symbols=4), dict(blanks=0.5), dict(blanks=2.5)]
OTHER = dict(symbols=5, blanks=2.0)

TIMES = {None: 1, 'in_distribution': 1, 'dense': 0.5, 'sparse': 2}


def expected(task, batch, protocol):
    def answer(task, symbols):
        said = [symbol for symbol in symbols if symbol != task.symbols]
        blanks = len(symbols) - len(said)
        assert blanks == math.floor(TIMES[protocol] * task.blanks * len(said)), 'blanks'
        return said

    return asking.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    """Every symbol is drawn by itself."""
    found = asking.counted(task, batches, exact_match=task.symbols**-length, token_accuracy=1 / task.symbols)
    return found | dict(loss=(math.log(task.symbols), 1e-6))
