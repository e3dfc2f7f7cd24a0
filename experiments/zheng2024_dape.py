"""Do biases that read the logits themselves go further on formal languages than fixed ones (Zheng et al. 2024)?

Table 2 of DAPE (arXiv 2405.14722): 14 tasks of the Chomsky hierarchy (that of Ruoss et al. 2023 without
binary_multiplication), trained on lengths 1 to 40, accuracy of tokens over 41 to 500. It was read at the source; the
table of Ruoss et al. was not, and the two differ where they ask the same (relative positions at random on
missing_duplicate_string: 72.3 here, 100.0 there from memory).

    python launch.py --experiment=experiments/zheng2024_dape.py --scale=mini

The claims were written before the runs. Accuracy of tokens, in percent, the mean over the lengths beyond training:

1. DAPE over ALiBi is above ALiBi in the mean over these tasks (over all 14 in the paper 58.5 against 54.2).
2. DAPE over Kerple is above Kerple in the mean over these tasks (60.3 against 54.2).
3. missing_duplicate_string: both DAPEs are above both of the biases that they act on (83.4 and 87.6 against 74.2 and
   79.1).

The paper: 5 layers, 256 channels, 8 heads, 200,000 steps; seeds and rates are not said, and a header has all encodings
but DAPE at random positions. Here DAPE has them too, so that one thing differs. Mini: two tasks, four encodings,
trained on 1 to 20, scored at 21, 40, 60, 80 and 100, 3 layers, 64 channels, 4 heads, 1,500 steps of 32, three seeds.
Full: 14 tasks, ten encodings, the paper's model and steps, three seeds.

Time: not run yet.
"""

from posbench.report import judging
from posbench.runs import grids
from posbench.runs.study import Run

ACCURACY = 'filled/token_accuracy'
TASKS = (
    *('even_pairs', 'modular_arithmetic', 'parity_check', 'cycle_navigation'),
    *('stack_manipulation', 'reverse_string', 'modular_arithmetic_brackets', 'solve_equation'),
    *('duplicate_string', 'missing_duplicate_string', 'odds_first', 'binary_addition', 'compute_sqrt', 'bucket_sort'),
)
MINI_TASKS = ('missing_duplicate_string', 'reverse_string')
OVER = {
    'alibi': {'encoding.name': 'alibi'},
    'kerple_log': {'encoding.name': 'kerple_log'},
    'fire': {'encoding.name': 'fire'},
}
# 64 hidden units, as in the paper.
DAPE = {
    f'dape{suffix}': {'encoding.name': 'dape', 'encoding.over.name': over, 'encoding.hidden': '64'}
    for suffix, over in (('_alibi', 'alibi'), ('', 'kerple_log'), ('_fire', 'fire'))
}
MORE = {
    'learned': {'encoding.name': 'learned', 'encoding.max_length': '2048'},
    'sinusoidal': {'encoding.name': 'sinusoidal'},
    'rope': {'encoding.name': 'rotary'},
    'transformer_xl': {'encoding.name': 'transformer_xl'},
}
BOTH = {'seeds': '0,1,2', 'positions.name': 'randomized', 'model.dropout': '0.0'}
MINI = {
    'model.layers': '3',
    'model.width': '64',
    'model.heads': '4',
    'model.hidden': '256',
    'model.norm': 'pre',
    'train.length': '20',
    'train.batch_size': '32',
    'train.steps': '1500',
    'optimizer.learning_rate': '1e-3',
    'evaluate.multiples': '1,2,3,4,5',
    'evaluate.tokens': '32768',
}
FULL = {
    'model.layers': '5',
    'model.width': '256',
    'model.heads': '8',
    'model.hidden': '1024',
    'model.norm': 'post',
    'train.length': '40',
    'train.batch_size': '128',
    'train.steps': '200000',
    'train.evaluate_every': '10000',
    'train.checkpoint_every': '10000',
    'optimizer.learning_rate': '1e-4',
    'optimizer.schedule': 'constant',
    'evaluate.multiples': '1',
    'evaluate.lengths': ','.join(str(length) for length in range(42, 501)),
    'evaluate.tokens': '512000',
}


def runs(scale: str = 'mini') -> list[Run]:
    """Every task with every encoding, at random positions."""
    tasks = grids.choice('task', {task: {'task.name': f'chomsky/{task}'} for task in TASKS})
    encodings = grids.choice('encoding', MORE | OVER | DAPE)
    cells, knobs = grids.product(tasks, encodings), FULL
    if scale == 'mini':
        cells, knobs = grids.only(cells, task=MINI_TASKS, encoding=('alibi', 'kerple_log', 'dape_alibi', 'dape')), MINI
    return grids.runs(cells, 'configs/tasks/chomsky.py', BOTH | knobs)


def claims(rows) -> list[dict]:
    """The verdicts on the three claims, in percent and points."""
    cells, verdicts = judging.Cells(rows), judging.Verdicts()

    def accuracy(task, name):
        return {seed: 100 * value for seed, value in cells.over(f'{task}-{name}', ACCURACY).items()}

    def gains(name, over):
        def of():
            means = [judging.mean_of([accuracy(task, one) for task in MINI_TASKS]) for one in (name, over)]
            gain = judging.difference(*means)
            return judging.mean(gain) > 0, f'points gained: {judging.said(gain, 1)}'

        return of

    def of_all(name):
        return [f'{task}-{name}' for task in MINI_TASKS]

    def missing_duplicate():
        found = {
            name: accuracy('missing_duplicate_string', name) for name in ('dape_alibi', 'dape', 'alibi', 'kerple_log')
        }
        means = {name: judging.mean(values) for name, values in found.items()}
        holds = min(means['dape_alibi'], means['dape']) > max(means['alibi'], means['kerple_log'])
        return holds, judging.each(found, 1)

    verdicts.judge(
        'DAPE over ALiBi is above ALiBi in the mean over the tasks', gains('dape_alibi', 'alibi'), *of_all('dape_alibi')
    )
    verdicts.judge(
        'DAPE over Kerple is above Kerple in the mean over the tasks', gains('dape', 'kerple_log'), *of_all('dape')
    )
    verdicts.judge(
        'missing_duplicate_string: both DAPEs are above ALiBi and Kerple',
        missing_duplicate,
        *(f'missing_duplicate_string-{name}' for name in ('dape_alibi', 'dape', 'alibi', 'kerple_log')),
    )
    return verdicts.found
