"""How many digits does one layer add that was trained on ten, if digits of one significance share a position?

Position coupling (Cho et al. 2024, arXiv 2405.20671). The longest length with a median exact match above 95 % over
seeds: trained on 1 to 10 digits 70, on 1 to 20 digits 135. Neither a decoder without positions nor one with learned
positions from a random start goes beyond training.

    python launch.py --experiment=experiments/cho2024_position_coupling.py --scale=mini

The claims were written before the runs. The longest of the scored lengths up to which the median of the exact match of
sums is above 95 % at every one:

1. With position coupling it is at least 20 digits, twice the training length.
2. Without positions, and with learned ones from a random start, it is at most 12.

The paper: one layer, four heads, operands that are filled up with zeros, sums from their last digit on, 2 seeds of data
by 4 of weights; its limit of positions is 202, and here 82, so that 80 digits can be asked for. Mini: one layer of 64
channels, 3,000 steps of 64, five seeds. Full: 512 channels, trained on up to 10, 20, 30 and 40 digits, a limit of 202,
eight seeds, 50,000 steps of 400 (which may not be the paper's).

Time: not run yet.
"""

import math
import statistics

from posbench.report import judging
from posbench.runs import grids
from posbench.runs.study import Run

EXACT = 'decoded/exact_match'
MINI = {
    'seeds': '0,1,2,3,4',
    'model.layers': '1',
    'model.width': '64',
    'model.heads': '4',
    'model.hidden': '256',
    'train.batch_size': '64',
    'train.steps': '3000',
    'optimizer.learning_rate': '1e-3',
    'evaluate.tokens': '32768',
}
MINI_DIGITS = {
    '10': {'train.length': '10', 'evaluate.multiples': '1,2,3,4,5,6,7,8', 'evaluate.lengths': '12,15,25'},
}
FULL = {
    'seeds': '0,1,2,3,4,5,6,7',
    'model.layers': '1',
    'model.width': '512',
    'model.heads': '4',
    'model.hidden': '2048',
    'train.batch_size': '400',
    'train.steps': '50000',
    'train.evaluate_every': '5000',
    'train.checkpoint_every': '1000',
    'optimizer.learning_rate': '1e-4',
    'optimizer.warmup_steps': '500',
    'evaluate.multiples': '1',
    'evaluate.tokens': '600000',
}
FULL_DIGITS = {
    str(digits): {
        'train.length': str(digits),
        'evaluate.lengths': ','.join(str(length) for length in range(digits + 5, 201, 5)),
    }
    for digits in (10, 20, 30, 40)
}


def runs(scale: str = 'mini') -> list[Run]:
    """Coupled positions, none, and learned ones from a random start; the first ones by the digits of training."""
    knobs, by_digits, limit = (MINI, MINI_DIGITS, 82) if scale == 'mini' else (FULL, FULL_DIGITS, 202)
    encodings = grids.choice(
        'encoding',
        position_coupling={
            'encoding.name': 'on_axis',
            'encoding.axis': '1',
            'encoding.over.name': 'learned',
            'encoding.over.max_length': str(limit + 2),
            'positions.name': 'coupled',
            'positions.max_id': str(limit),
        },
        none={'encoding.name': 'none', 'positions.name': 'sequential'},
        # A row of n digits has some 3 n + 4 tokens.
        random_start={
            'encoding.name': 'learned',
            'encoding.max_length': str(8 * limit),
            'positions.name': 'shifted',
            'positions.max_shift': str(4 * limit),
        },
    )
    cells = grids.subset(
        grids.product(encodings, grids.choice('digits', by_digits)),
        lambda encoding, digits: encoding == 'position_coupling' or digits == '10',
    )
    config = 'configs/tasks/coupled_addition.py'
    return grids.runs(cells, config, knobs, name=lambda cell: cell.name.removesuffix('-10'))


def claims(rows) -> list[dict]:
    """The verdicts on the two claims."""
    cells, verdicts = judging.Cells(rows), judging.Verdicts()

    def medians(run):
        trained = cells.trained(run)
        lengths = [trained, *cells.unseen(run, EXACT)]
        return {length: statistics.median(cells.at(run, EXACT, length).values()) for length in lengths}

    def longest(run):
        """0 where the training length is not solved."""
        found = 0
        for length, median in medians(run).items():
            if not median > 0.95:
                break
            found = length
        return found

    def said(run):
        curve = ', '.join(f'{length}: {median:.2f}' for length, median in medians(run).items())
        return f'{run} {longest(run)} digits (medians {curve})'

    def coupled_ones_go_on():
        return longest('position_coupling') >= 20, said('position_coupling')

    def others_stop():
        others = ('none', 'random_start')
        # What diverged stopped, but says nothing.
        measured = not any(math.isnan(median) for run in others for median in medians(run).values())
        return measured and all(longest(run) <= 12 for run in others), '; '.join(said(run) for run in others)

    verdicts.judge(
        'Position coupling adds numbers of at least 20 digits (median over 95 %)',
        coupled_ones_go_on,
        'position_coupling',
    )
    verdicts.judge(
        'No positions, and learned ones from a random start, add at most 12 digits', others_stop, 'none', 'random_start'
    )
    return verdicts.found
