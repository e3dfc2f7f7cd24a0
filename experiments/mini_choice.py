"""Which tasks tell encodings apart, for each minute that they cost?

Sixteen candidates for the mini benchmark: five encodings of five kinds on each, as experiments/mini.py would run them,
but for the five seeds, which are others: what chose a task is no part of what the benchmark then says of it.
`python -m benchmarks.mini_choice` says of each task how many pairs of encodings its seeds tell apart, at the training
length and beyond it, and in how many minutes; the suite takes those that tell most for a minute, one or two a kind of
work.

    python launch.py --experiment=experiments/mini_choice.py --workdir=experiments/results/mini_choice --jobs=2
    python -m benchmarks.mini_choice experiments/results/mini_choice
"""

from experiments import mini

ENCODINGS = ('none', 'sinusoidal', 'rope', 'alibi', 't5')

KAZEMNEJAD, RECALL = mini.KAZEMNEJAD, mini.RECALL
# Besides those of the suite.
OTHERS = [
    mini.cell('reverse', KAZEMNEJAD, 16, 1000, task__name='length/reverse', task__symbols=26),
    mini.cell('sum', KAZEMNEJAD, 12, 1000, task__name='length/sum'),
    mini.cell('parity', KAZEMNEJAD, 12, 1000, task__name='length/parity'),
    mini.cell('polynomial', KAZEMNEJAD, 4, 1000, task__name='length/polynomial'),
    mini.cell('lego', KAZEMNEJAD, 6, 1000, task__name='length/lego'),
    mini.cell('key_value', RECALL, 16, 1000, task__name='retrieval/key_value'),
    mini.cell('selective_copy', RECALL, 16, 1000, task__name='retrieval/selective_copy'),
    mini.cell('passkey', RECALL, 64, 800, task__name='retrieval/passkey'),
]


def runs():
    """Five encodings on every candidate."""
    tasks, numbers = [*mini.TASKS, *OTHERS], mini.seeds('seed of the choice')
    return [run for label in ENCODINGS for run in mini.of(label, mini.ENCODINGS[label], tasks, numbers)]
