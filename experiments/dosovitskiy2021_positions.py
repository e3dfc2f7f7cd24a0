"""Does it matter how patches of an image are told apart, as long as they are (Dosovitskiy et al. 2021, table 8)?

Table 8 of arXiv 2010.11929, ViT-B/16 by 5-shot accuracy on ImageNet: 61.4 % without positions, 64.2 % with learned ones
of one coordinate, 64.0 % of two, 64.0 % with relative ones, one run each.

    python launch.py --experiment=experiments/dosovitskiy2021_positions.py --scale=mini

The claims were written before the runs. Accuracy on the test images:

1. No positions are worse than each of the others by 1 point or more, and the interval of the difference leaves out 0.
2. The others lie within 1.5 points of each other.

Others than the paper's: rotary ones of two coordinates, and sinusoids of them. Relative ones are Shaw's, on keys, by
the distance in the order of reading. Two learned tables, of rows and columns, are added, where the paper joins halves.

The paper: 300 M images, a linear read-out of 10 classes from 5 images of each. Mini: all 1,797 handwritten digits of 8
x 8 pixels, patches of 2 x 2, 3 layers, 64 channels, 4 heads, 1,000 steps of parts of 64 images, five seeds; whole
images are scored. Full: the same with 10 seeds and 6,000 steps, and 12 layers of 768 channels: ImageNet is not read
here.

Time: not run yet.
"""

from posbench.report import judging
from posbench.runs import grids
from posbench.runs.study import Run

ACCURACY = 'whole/accuracy'
IN_ORDER = {'positions.name': 'sequential'}
ENCODINGS = {
    'none': {'encoding.name': 'none'} | IN_ORDER,
    'learned': {'encoding.name': 'learned', 'encoding.max_length': '16'} | IN_ORDER,
    'learned_2d': {
        'encoding.name': 'chain',
        'encoding.first.name': 'on_axis',
        'encoding.first.axis': '0',
        'encoding.first.over.name': 'learned',
        'encoding.first.over.max_length': '4',
        'encoding.second.name': 'on_axis',
        'encoding.second.axis': '1',
        'encoding.second.over.name': 'learned',
        'encoding.second.over.max_length': '4',
    },
    'relative': {'encoding.name': 'shaw'} | IN_ORDER,
    'sincos_2d': {'encoding.name': 'sincos_2d'},
    'rope_axial': {'encoding.name': 'rope_axial'},
    'rope_mixed': {'encoding.name': 'rope_mixed'},
}
BOTH = {'evaluate.multiples': '1'}
MINI = {'seeds': '0,1,2,3,4', 'train.steps': '1000'}
FULL = {
    'seeds': '0,1,2,3,4,5,6,7,8,9',
    'train.steps': '6000',
    'model.layers': '12',
    'model.width': '768',
    'model.heads': '12',
    'model.hidden': '3072',
    'model.dropout': '0.1',
    'optimizer.learning_rate': '3e-4',
}


def runs(scale: str = 'mini') -> list[Run]:
    """One run an encoding."""
    return grids.runs(
        grids.choice('encoding', ENCODINGS), 'configs/tasks/digits.py', BOTH | (MINI if scale == 'mini' else FULL)
    )


def claims(rows) -> list[dict]:
    """The verdicts on the two claims; accuracies in percent."""
    cells, verdicts = judging.Cells(rows), judging.Verdicts()

    def accuracies():
        return {
            name: {seed: 100 * value for seed, value in cells.times(name, ACCURACY, 1).items()} for name in ENCODINGS
        }

    def none_is_worst():
        found = accuracies()
        none = found.pop('none')
        lost = {name: judging.difference(values, none) for name, values in found.items()}
        summaries = [judging.summary(values) for values in lost.values()]
        holds = all(one.mean >= 1 and one.low is not None and one.low > 0 for one in summaries)
        return holds, f'points above none: {judging.each(lost, 2)}'

    def others_are_alike():
        found = accuracies()
        del found['none']
        means = [judging.mean(values) for values in found.values()]
        return max(means) - min(means) <= 1.5, judging.each(found, 2, ' %')

    verdicts.judge('No positions are worse than each of the others by 1 point or more', none_is_worst, 'none')
    verdicts.judge(
        'All others lie within 1.5 points of each other',
        others_are_alike,
        *(name for name in ENCODINGS if name != 'none'),
    )
    return verdicts.found
