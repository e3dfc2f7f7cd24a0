"""Which encoding should one take, by eight small tasks, five seeds, and lengths up to eight times those of training?

The mini benchmark. Every encoding of the list with the same small model on each task: language modelling on the novels,
and tasks of retrieval, copying, arithmetic, state tracking, sorting and counting whose rows are made on the device. All
seeds of a cell train in one program. Its tasks are candidates, of which experiments/mini_choice.py shows what they tell
apart for each minute.

    python launch.py --experiment=experiments/mini.py --workdir=experiments/results/mini --jobs=2
    python launch.py --submit=path/to/mine.py --jobs=2

Nobody chooses seeds or lengths: they follow from SALT, which was committed before the first run. Every task is scored
at its training length, at twice, four and eight times as much, and at one length between them that follows from SALT
too: who knows the multiples alone is found there. Models, data, steps and learning rates are those below, for shipped
encodings and submitted ones; nothing was tuned for an encoding.
"""

import hashlib

from posbench.runs import grids
from posbench.runs.study import Run

SALT = 'posbench mini benchmark, first edition'
SEEDS = 5
MULTIPLES = (1, 2, 4, 8)

# Label of each encoding -> what it changes, with the options that it has by default.
ENCODINGS = {
    'none': {'encoding.name': 'none'},
    'sinusoidal': {'encoding.name': 'sinusoidal'},
    'learned': {'encoding.name': 'learned'},
    'rope': {'encoding.name': 'rotary'},
    'alibi': {'encoding.name': 'alibi'},
    't5': {'encoding.name': 't5_bias'},
    'shaw': {'encoding.name': 'shaw'},
    'transformer_xl': {'encoding.name': 'transformer_xl'},
    'kerple_log': {'encoding.name': 'kerple_log'},
    'fire': {'encoding.name': 'fire'},
    'sandwich': {'encoding.name': 'sandwich'},
    'xpos': {'encoding.name': 'xpos'},
    'deberta': {'encoding.name': 'deberta'},
    'cope': {'encoding.name': 'cope_contextual'},
    'fox': {'encoding.name': 'fox'},
    'path': {'encoding.name': 'path'},
    'stick_breaking': {'encoding.name': 'stick_breaking'},
    'pope': {'encoding.name': 'pope_polar'},
    'selective_rope': {'encoding.name': 'selective_rope'},
    'rope_clip': {'encoding.name': 'rotary_clip'},
    'p_rope': {'encoding.name': 'rotary_p'},
    'randomized_rope': {'encoding.name': 'rotary', 'positions.name': 'randomized'},
    'randomized_sinusoidal': {'encoding.name': 'sinusoidal', 'positions.name': 'randomized'},
    'randomized_learned': {'encoding.name': 'learned', 'positions.name': 'randomized'},
}


def drawn(what: str, low: int, high: int) -> int:
    """A whole number from low to high - 1 that follows from SALT."""
    digest = hashlib.sha256(f'{SALT}: {what}'.encode()).digest()
    return low + int.from_bytes(digest[:8], 'big') % (high - low)


# What all share: a decoder of two layers and 64 channels.
MODEL = {'model.layers': '2', 'model.width': '64', 'model.hidden': '256'}
PACE = {'train.batch_size': '32', 'optimizer.learning_rate': '2e-3', 'optimizer.warmup_steps': '50'}
# Of everything held out so many tokens of the longest length.
SCORED = {'evaluate.first_unseen': 'False', 'evaluate.tokens': '32768'}


def cell(name: str, config: str, length: int, steps: int, **knobs) -> grids.Cell:
    """A task: the file of its config, its training length, its steps, and knobs of its own, as `task__name='...'`.

    It is validated when it ends, and nothing is chosen by that.
    """
    own = {name.replace('__', '.'): str(value) for name, value in knobs.items()}
    between = drawn(f'a length of {name}', 2 * length + 1, 4 * length)
    # Sequences of some tasks are whole pairs.
    lengths = {'evaluate.lengths': f'{between - between % 2},', 'evaluate.multiples': ','.join(map(str, MULTIPLES))}
    pace = {'train.length': str(length), 'train.steps': str(steps), 'train.evaluate_every': str(steps)}
    return grids.choice('task', {name: (config, MODEL | PACE | SCORED | lengths | pace | own)})[0]


KAZEMNEJAD, RECALL = 'configs/tasks/kazemnejad.py', 'configs/tasks/recall.py'
TASKS = [
    cell('language', 'configs/default.py', 64, 600, dataset__vocabulary=512),
    cell('flip_flop', 'configs/tasks/flip_flop.py', 64, 800),
    cell('needle', RECALL, 64, 800, task__name='retrieval/needle'),
    cell('copy', KAZEMNEJAD, 16, 1000, task__name='length/copy', task__symbols=26),
    cell('addition', KAZEMNEJAD, 6, 1000, task__name='length/addition', task__reverse=True),
    cell('sort', KAZEMNEJAD, 8, 1000, task__name='length/sort', task__symbols=26),
    cell('counting', 'configs/tasks/counting.py', 48, 800),
    cell('indexing', 'configs/tasks/indirect_indexing.py', 12, 1000),
]


def seeds(of_what: str = 'seed') -> str:
    """Those of every run, or others by another word."""
    return ','.join(str(drawn(f'{of_what} {number}', 0, 2**31)) for number in range(SEEDS))


def of(label: str, knobs: dict[str, str], tasks=TASKS, numbers: str = '') -> list[Run]:
    """A run of an encoding on each task, 'rope@copy', of `seeds()` or of the ones in `numbers`."""
    cells = grids.product(grids.choice('encoding', {label: knobs}), tasks)
    overrides = {'seeds': numbers or seeds()}
    return grids.runs(cells, overrides=overrides, name=lambda one: '@'.join(one.levels.values()))


def runs() -> list[Run]:
    """Every encoding on every task."""
    return [run for label, knobs in ENCODINGS.items() for run in of(label, knobs)]
