"""Does an encoding that counts what it chooses to count solve a task of counting (Golovneva et al. 2024, table 3)?

The counting task of CoPE (arXiv 2405.18719): what a variable holds at the end of a program that mostly does nothing,
with 1, 3 and 5 variables. Test errors of the paper: a learned table 5.3, 67.6 and 71.5 %, relative keys 1.1, 17.8 and
22.4 %, CoPE 0.0, 1.2 and 7.4 %. Always saying the commonest value is wrong in about 79 % there.

    python launch.py --experiment=experiments/golovneva2024_counting.py --scale=mini

The claims were written before the runs. Error of answers in percent, the mean over programs of a quarter, a half, three
quarters and all of the steps of training:

1. With 3 variables CoPE errs less than relative keys, and these less than a learned table, and the intervals of both
   paired differences leave out 0.
2. The same with 5 variables.
3. With 3 variables CoPE has at most a third of the errors of relative keys.

The paper: programs of 3 to 512 steps, 10,000 of them, 4 layers, 256 channels, 4 heads, 100 epochs, three seeds;
relative keys share their table over layers. Mini: up to 48 steps, fresh programs, 2 layers, 64 channels, 4 heads, 2,000
steps of 32, three seeds; each layer has a table of its own. Full: up to 512 steps, the paper's model and steps.

Time: not run yet.
"""

import itertools

from posbench.report import judging
from posbench.runs import grids
from posbench.runs.study import Run

EXACT = 'decoded/exact_match'
VARIABLES = {'1_variable': '1', '3_variables': '3', '5_variables': '5'}
PARTS = (0.25, 0.5, 0.75, 1)
BOTH = {'seeds': '0,1,2', 'evaluate.multiples': '1', 'evaluate.first_unseen': 'False'}
MINI = {
    'model.layers': '2',
    'model.width': '64',
    'model.heads': '4',
    'model.hidden': '256',
    'train.length': '48',
    'train.batch_size': '32',
    'train.steps': '2000',
    'optimizer.learning_rate': '1e-3',
    'evaluate.lengths': '12,24,36',
}
FULL = {
    'model.layers': '4',
    'model.width': '256',
    'model.heads': '4',
    'model.hidden': '1024',
    'model.norm': 'post',
    'model.dropout': '0.1',
    'train.length': '512',
    'train.batch_size': '64',
    'train.steps': '15700',
    'train.steps_per_call': '20',
    'train.evaluate_every': '1000',
    'train.checkpoint_every': '500',
    'optimizer.learning_rate': '7e-5',
    'optimizer.weight_decay': '0.0',
    'evaluate.lengths': '128,256,384',
    # 1,000 programs of each length.
    'evaluate.tokens': '700000',
}


def runs(scale: str = 'mini') -> list[Run]:
    """Every number of variables with every encoding, whose tables have a row for every place of the longest program."""
    places, knobs = ('128', MINI) if scale == 'mini' else ('1024', FULL)
    variables = grids.choice('variables', {name: {'task.variables': number} for name, number in VARIABLES.items()})
    encodings = grids.choice(
        'encoding',
        learned={'encoding.name': 'learned', 'encoding.max_length': places},
        shaw={'encoding.name': 'shaw', 'encoding.max_distance': places},
        cope={'encoding.name': 'cope_contextual'},
    )
    return grids.runs(grids.product(variables, encodings), 'configs/tasks/counting.py', BOTH | knobs)


def claims(rows) -> list[dict]:
    """The verdicts on the three claims, errors in percent."""
    cells, verdicts = judging.Cells(rows), judging.Verdicts()

    def errors(variables, encoding):
        run = f'{variables}-{encoding}'
        found = judging.mean_of([cells.times(run, EXACT, part) for part in PARTS])
        return {seed: 100 * (1 - value) for seed, value in found.items()}

    def order(variables):
        found = {encoding: errors(variables, encoding) for encoding in ('cope', 'shaw', 'learned')}
        gaps = [judging.difference(found[b], found[a]) for a, b in itertools.pairwise(found)]
        lows = [judging.summary(gap).low for gap in gaps]
        holds = all(low is not None and low > 0 for low in lows)
        return holds, f'{judging.each(found, 1, " %")}; gaps {" and ".join(judging.said(gap, 1) for gap in gaps)}'

    def three(variables):
        return [f'{variables}-{encoding}' for encoding in ('cope', 'shaw', 'learned')]

    def far_fewer():
        found = {encoding: errors('3_variables', encoding) for encoding in ('cope', 'shaw')}
        return judging.mean(found['cope']) <= judging.mean(found['shaw']) / 3, judging.each(found, 1, ' %')

    verdicts.judge(
        '3 variables: CoPE errs less than relative keys, these less than a table',
        lambda: order('3_variables'),
        *three('3_variables'),
    )
    verdicts.judge(
        '5 variables: CoPE errs less than relative keys, these less than a table',
        lambda: order('5_variables'),
        *three('5_variables'),
    )
    verdicts.judge(
        '3 variables: CoPE has at most a third of the errors of relative keys', far_fewer, '3_variables-cope'
    )
    return verdicts.found
