"""Which encodings of patches read an image of another resolution than that of training (Heo et al. 2024, table 5)?

Table 5 of arXiv 2403.13298, DeiT-III ViT-S trained on images of 224 pixels: absolute positions have 80.4 % there and
77.6 % at twice the side, rotary ones of mixed directions 80.9 % and 80.9 %.

    python launch.py --experiment=experiments/heo2024_resolution.py --scale=mini

The claim was written before the runs. Accuracy on the test images at the resolution of training minus that at twice the
side, which are four times as many patches, in points:

1. Rotary positions of mixed directions lose no more than interpolated absolute ones.

Absolute ones here are sinusoids of row and column, read in between where there are more rows and columns than in
training (config.positions.span), as one interpolates a learned table; `absolute_beyond` reads them beyond, as rotary
ones are read. Rotary ones along the axes are the paper's weaker kind.

The paper: ImageNet, whose larger images hold more detail; sides from 96 to 512 pixels. Mini: handwritten digits of
8 x 8 pixels, which are enlarged two and three times and hold no more than they did; patches of 2 x 2, 3 layers, 64
channels, 1,000 steps of 64 parts of images of all sizes down to 0.6, five seeds. Full: the same with 10 seeds, 6,000
steps, and 12 layers of 384 channels: ImageNet is not read here.

Time: not run yet.
"""

from posbench.report import judging
from posbench.runs import grids
from posbench.runs.study import Run

ACCURACY = 'whole/accuracy'
SIDE = 4  # patches on a side in training
ENCODINGS = {
    'absolute': {'encoding.name': 'sincos_2d', 'positions.span': str(SIDE)},
    'absolute_beyond': {'encoding.name': 'sincos_2d'},
    'rope_axial': {'encoding.name': 'rope_axial'},
    'rope_mixed': {'encoding.name': 'rope_mixed'},
}
MINI = {'seeds': '0,1,2,3,4', 'train.steps': '1000'}
FULL = {
    'seeds': '0,1,2,3,4,5,6,7,8,9',
    'train.steps': '6000',
    'model.layers': '12',
    'model.width': '384',
    'model.heads': '6',
    'model.hidden': '1536',
    'model.dropout': '0.1',
    'optimizer.learning_rate': '5e-4',
}


def runs(scale: str = 'mini') -> list[Run]:
    """One run an encoding."""
    return grids.runs(grids.choice('encoding', ENCODINGS), 'configs/tasks/digits.py', MINI if scale == 'mini' else FULL)


def claims(rows) -> list[dict]:
    """The verdict on the claim, in points of accuracy."""
    cells, verdicts = judging.Cells(rows), judging.Verdicts()

    def lost(run):
        found = judging.difference(cells.times(run, ACCURACY, 1), cells.times(run, ACCURACY, 4))
        return {seed: 100 * value for seed, value in found.items()}

    def mixed_loses_less():
        found = {run: lost(run) for run in ENCODINGS}
        return judging.mean(found['rope_mixed']) <= judging.mean(found['absolute']), judging.each(found, 2)

    verdicts.judge(
        'At twice the side rotary positions of mixed directions lose no more accuracy than absolute ones',
        mixed_loses_less,
        'rope_mixed',
        'absolute',
    )
    return verdicts.found
