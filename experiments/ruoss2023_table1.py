"""Do encoders solve formal languages on longer inputs if they are trained at random positions (Ruoss et al. 2023)?

Table 1 of arXiv 2305.16843: the tasks of the Chomsky hierarchy (Deletang et al. 2023), trained on lengths 1 to 40,
accuracy of tokens over lengths 41 to 500. The table was found in no copy and is from memory, cell by cell
(experiments/published/ruoss2023_table1.json); so are the figures below.

    python launch.py --experiment=experiments/ruoss2023_table1.py --scale=mini

The claims were written before the runs. Accuracy of tokens, in percent, the mean over the lengths beyond training:

1. bucket_sort: rotary and sinusoidal encodings at random positions are at least 10 points above a predictor that knows
   place and length alone, and at least 20 above the same ones in order. (From memory 99.6 to 100 against 30 to 31.)
2. parity_check, a control: every encoding is within 5 points of 50.
3. missing_duplicate_string: Transformer-XL's at random positions has at least 90, or rotary at least 70, and all that
   are in order have at most 60. (From memory 100, 88.7, and at most 56.5.)
4. Random positions help: over the tasks but parity, the mean gain of sinusoidal, Transformer-XL's and rotary encodings
   by them is above 0, and its interval over seeds leaves out 0.
5. Over all tasks here Transformer-XL's at random positions is the best encoding.
6. In order, rotary and sinusoidal encodings are within 5 points of none, over all tasks.

The paper: 15 tasks, 13 encodings, 5 layers, 64 channels, 8 heads, 3 learning rates, 10 seeds of which the best on the
test counts, 2 M steps of 128 (steps and the choice of the best from memory too). Mini: 5 tasks, 9 encodings, trained on
1 to 20, scored at 21, 40, 60, 80 and 100, 3 layers, 64 channels, 4 heads, 1,500 steps of 32, one learning rate, three
seeds, whose mean counts. Every row of a batch has a length of its own, where the paper has one length a batch, and
dropout is off where it is scored. Full: all tasks, the released variant of relative positions besides, 10 seeds.

Time: not run yet.
"""

from posbench.report import judging
from posbench.runs import grids
from posbench.runs.study import Run

ACCURACY = 'filled/token_accuracy'
TASKS = (
    *('even_pairs', 'modular_arithmetic', 'parity_check', 'cycle_navigation'),
    *('stack_manipulation', 'reverse_string', 'modular_arithmetic_brackets', 'solve_equation'),
    *('duplicate_string', 'missing_duplicate_string', 'odds_first', 'binary_addition', 'binary_multiplication'),
    *('compute_sqrt', 'bucket_sort'),
)
MINI_TASKS = ('bucket_sort', 'even_pairs', 'reverse_string', 'missing_duplicate_string', 'parity_check')
RANDOM = {'positions.name': 'randomized'}
IN_ORDER = {
    'none': {'encoding.name': 'none'},
    'sinusoidal': {'encoding.name': 'sinusoidal'},
    'transformer_xl': {'encoding.name': 'transformer_xl'},
    # Both sides of a token are told apart, as in the paper's code.
    'alibi': {'encoding.name': 'alibi', 'encoding.breaker': '0.5'},
    'rope': {'encoding.name': 'rotary'},
}
AT_RANDOM = {
    'randomized_sinusoidal': IN_ORDER['sinusoidal'] | RANDOM,
    'randomized_relative': IN_ORDER['transformer_xl'] | RANDOM,
    'randomized_alibi': IN_ORDER['alibi'] | RANDOM,
    'randomized_rope': IN_ORDER['rope'] | RANDOM,
}
MORE = {
    'learned': {'encoding.name': 'learned', 'encoding.max_length': '2048'},
    'randomized_learned': {'encoding.name': 'learned', 'encoding.max_length': '2048'} | RANDOM,
    'randomized_relative_as_released': {
        'encoding.name': 'randomized_relative_as_released',
        'positions.name': 'randomized_distances',
    },
}
PAIRS = {
    'sinusoidal': 'randomized_sinusoidal',
    'transformer_xl': 'randomized_relative',
    'rope': 'randomized_rope',
}
MINI = {
    'seeds': '0,1,2',
    'model.layers': '3',
    'model.width': '64',
    'model.heads': '4',
    'model.hidden': '256',
    'model.norm': 'pre',
    'model.dropout': '0.0',
    'train.length': '20',
    'train.batch_size': '32',
    'train.steps': '1500',
    'optimizer.learning_rate': '1e-3',
    'evaluate.multiples': '1,2,3,4,5',
    'evaluate.tokens': '32768',
}
FULL = {
    'seeds': '0,1,2,3,4,5,6,7,8,9',
    'model.layers': '5',
    'model.width': '64',
    'model.heads': '8',
    'model.hidden': '256',
    'model.norm': 'post',
    'model.dropout': '0.1',
    'train.length': '40',
    'train.batch_size': '128',
    'train.steps': '2000000',
    'train.evaluate_every': '20000',
    'train.checkpoint_every': '20000',
    'optimizer.schedule': 'constant',
    'optimizer.warmup_steps': '0',
    'optimizer.weight_decay': '0.0',
    'evaluate.multiples': '1',
    'evaluate.lengths': ','.join(str(length) for length in range(42, 501)),
    'evaluate.tokens': '512000',
}
RATES = ('1e-4', '3e-4', '5e-4')


def runs(scale: str = 'mini') -> list[Run]:
    """Every task with every encoding; in full by every learning rate, of which the first is not in the name."""
    config = 'configs/tasks/chomsky.py'
    tasks = grids.choice('task', {task: {'task.name': f'chomsky/{task}'} for task in TASKS})
    if scale == 'mini':
        cells = grids.product(grids.only(tasks, task=MINI_TASKS), grids.choice('encoding', IN_ORDER | AT_RANDOM))
        return grids.runs(cells, config, MINI)
    rates = grids.choice('rate', {rate: {'optimizer.learning_rate': rate} for rate in RATES})
    cells = grids.product(tasks, grids.choice('encoding', IN_ORDER | AT_RANDOM | MORE), rates)
    return grids.runs(cells, config, FULL, name=lambda cell: cell.name.removesuffix(f'-{RATES[0]}'))


def claims(rows) -> list[dict]:
    """The verdicts on the six claims, in percent and points."""
    cells, verdicts = judging.Cells(rows), judging.Verdicts()

    def accuracy(task, name):
        return {seed: 100 * value for seed, value in cells.over(f'{task}-{name}', ACCURACY).items()}

    def mean(task, name):
        return judging.mean(accuracy(task, name))

    def over_tasks(name, tasks=MINI_TASKS):
        return judging.mean_of([accuracy(task, name) for task in tasks])

    def every(task):
        return [f'{task}-{name}' for name in IN_ORDER | AT_RANDOM]

    def sorts():
        lengths = cells.unseen('bucket_sort-rope', ACCURACY)
        chance = 100 * cells.chance('bucket_sort-rope', ACCURACY, lengths)
        pairs = [(name, PAIRS[name]) for name in ('rope', 'sinusoidal')]
        gains = [judging.difference(accuracy('bucket_sort', b), accuracy('bucket_sort', a)) for a, b in pairs]
        holds = all(mean('bucket_sort', b) >= chance + 10 for _, b in pairs)
        named = {name: accuracy('bucket_sort', name) for pair in pairs for name in pair}
        return holds and all(judging.mean(gain) >= 20 for gain in gains), (
            f'{judging.each(named, 1)}; place and length alone {chance:.1f}'
        )

    def parity_is_out_of_reach():
        found = {name: accuracy('parity_check', name) for name in IN_ORDER | AT_RANDOM}
        return all(abs(judging.mean(values) - 50) <= 5 for values in found.values()), judging.each(found, 1)

    def missing_duplicate():
        task = 'missing_duplicate_string'
        found = {name: accuracy(task, name) for name in IN_ORDER | AT_RANDOM}
        means = {name: judging.mean(values) for name, values in found.items()}
        solved = means['randomized_relative'] >= 90 or means['randomized_rope'] >= 70
        return solved and all(means[name] <= 60 for name in IN_ORDER), judging.each(found, 1)

    def random_positions_help():
        tasks = [task for task in MINI_TASKS if task != 'parity_check']
        gains = {b: judging.difference(over_tasks(b, tasks), over_tasks(a, tasks)) for a, b in PAIRS.items()}
        gain = judging.summary(judging.mean_of(gains.values()))
        return gain.low is not None and gain.low > 0, f'points gained: {judging.each(gains, 1)}'

    def relative_is_best():
        found = {name: over_tasks(name) for name in IN_ORDER | AT_RANDOM}
        best = max(found, key=lambda name: judging.mean(found[name]))
        return best == 'randomized_relative', judging.each(found, 1)

    def in_order_is_no_order():
        none = over_tasks('none')
        apart = {name: judging.difference(over_tasks(name), none) for name in ('sinusoidal', 'rope')}
        return all(
            abs(judging.mean(one)) <= 5 for one in apart.values()
        ), f'points above none: {judging.each(apart, 1)}'

    verdicts.judge(
        'bucket_sort: random positions are 10 points above place and length alone, and 20 above positions in order',
        sorts,
        *(f'bucket_sort-{name}' for pair in ('rope', 'sinusoidal') for name in (pair, PAIRS[pair])),
    )
    verdicts.judge(
        'parity_check: every encoding is within 5 points of 50', parity_is_out_of_reach, *every('parity_check')
    )
    verdicts.judge(
        'missing_duplicate_string: relative at random positions has 90 or rotary 70, those in order at most 60',
        missing_duplicate,
        *every('missing_duplicate_string'),
    )
    verdicts.judge('Random positions gain more than nothing over the tasks but parity', random_positions_help)
    verdicts.judge('Over all tasks here relative positions at random are the best', relative_is_best)
    verdicts.judge('Rotary and sinusoidal positions in order are within 5 points of none', in_order_is_no_order)
    return verdicts.found
