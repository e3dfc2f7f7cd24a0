"""Does a decoder find what stands so many places beside a letter if content and place are apart (PoPE, 2025)?

Indirect indexing of PoPE (arXiv 2509.10534): a string of different letters, one of them, a shift, and the letter there.
Accuracy of the first version, three seeds: rotary 11.2 % (SD 2.5), PoPE 94.8 % (SD 2.9). A later version also has
rotary on half of the channels 28.5, learned 10.1 and sinusoidal 1.9 % (second-hand).

    python launch.py --experiment=experiments/gopalakrishnan2025_indirect_indexing.py --scale=mini

The claim was written before the runs, and is one of little confidence at this scale. Accuracy of the answer in percent,
the mean over strings of half, three quarters and all of the longest length:

1. PoPE is at least 30 points above rotary after the same steps.

The paper: strings of 20 to 40 of 52 letters, shifts up to 15, 1 M examples, 8 layers, 512 channels, 8 heads, 100,000
steps of 64. Mini: 10 to 20 of 26 letters, shifts up to 8, fresh examples, 3 layers, 64 channels, 4 heads, 2,500 steps
of 32, three seeds. Full: the paper's strings, model and steps.

Time: not run yet.
"""

from posbench.report import judging
from posbench.runs import grids
from posbench.runs.study import Run

EXACT = 'decoded/exact_match'
ENCODINGS = {
    'rope': {'encoding.name': 'rotary'},
    'pope': {'encoding.name': 'pope_polar'},
    'partial_rope': {'encoding.name': 'rotary', 'encoding.fraction': '0.5'},
    'learned': {'encoding.name': 'learned'},
    'sinusoidal': {'encoding.name': 'sinusoidal'},
}
PARTS = (0.5, 0.75, 1)
BOTH = {'seeds': '0,1,2', 'evaluate.multiples': '1', 'evaluate.first_unseen': 'False'}
MINI = {
    'task.letters': '26',
    'task.shift': '8',
    'model.layers': '3',
    'model.width': '64',
    'model.heads': '4',
    'model.hidden': '256',
    'train.length': '20',
    'train.batch_size': '32',
    'train.steps': '2500',
    'optimizer.learning_rate': '1e-3',
    'evaluate.lengths': '10,15',
}
FULL = {
    'task.letters': '52',
    'task.shift': '15',
    'model.layers': '8',
    'model.width': '512',
    'model.heads': '8',
    'model.hidden': '2048',
    'train.length': '40',
    'train.batch_size': '64',
    'train.steps': '100000',
    'train.evaluate_every': '5000',
    'train.checkpoint_every': '1000',
    'optimizer.learning_rate': '2e-4',
    'optimizer.warmup_steps': '4000',
    'optimizer.b2': '0.99',
    'optimizer.weight_decay': '0.01',
    'evaluate.lengths': '20,30',
}


def runs(scale: str = 'mini') -> list[Run]:
    """One run an encoding."""
    knobs = BOTH | (MINI if scale == 'mini' else FULL)
    return grids.runs(grids.choice('encoding', ENCODINGS), 'configs/tasks/indirect_indexing.py', knobs)


def claims(rows) -> list[dict]:
    """The verdict on the claim, in points of accuracy."""
    cells, verdicts = judging.Cells(rows), judging.Verdicts()

    def accuracy(name):
        found = judging.mean_of([cells.times(name, EXACT, part) for part in PARTS])
        return {seed: 100 * value for seed, value in found.items()}

    def polar_ones_are_apart():
        gain = judging.difference(accuracy('pope'), accuracy('rope'))
        found = {name: accuracy(name) for name in ENCODINGS}
        return judging.mean(gain) >= 30, f'{judging.said(gain, 1)} points: {judging.each(found, 1, " %")}'

    verdicts.judge('PoPE is at least 30 points above rotary after the same steps', polar_ones_are_apart, 'pope', 'rope')
    return verdicts.found
