"""Are learned positions as good as sinusoids, at lengths that were trained (Vaswani et al. 2017, table 3, row E)?

The paper (arXiv 1706.03762) has a perplexity of 4.92 per word piece for both, and a BLEU of 25.7 for learned against
25.8: one run each, and no word of what a difference would have been.

    python launch.py --experiment=experiments/vaswani2017_row_e.py --scale=mini

The claim was written before the runs:

1. They are equivalent: the difference of their losses, paired by seed, lies within 0.03 nats a token, that is, their
   perplexities within 3 %, by two one-sided tests at the 5 % level. No difference that was found is no proof of none.

The paper: English to German, an encoder and a decoder of 6 layers, 512 channels, 8 heads, 100,000 steps of 25,000 word
pieces. Mini: a decoder on the shipped novels (one reads no other language on a laptop), 3 layers, 64 channels, 4 heads,
64 tokens, 800 steps of 32 sequences; five seeds, because equivalence asks for more of them than a difference does.
Vectors of learned positions start as large as those of tokens. Full is a decoder of the paper's width, depth and steps
on Wiki-40B in English, five seeds: its translation data are not read by any task here.

Time: not run yet.
"""

from posbench.report import judging
from posbench.report.statistics import equivalence
from posbench.runs import grids
from posbench.runs.study import Run

NAMES = ('sinusoidal', 'learned')
MARGIN = 0.03
SEEDS = {'seeds': '0,1,2,3,4', 'evaluate.multiples': '1', 'evaluate.first_unseen': 'False'}
MINI = {
    'model.layers': '3',
    'model.width': '64',
    'model.hidden': '256',
    'train.length': '64',
    'train.batch_size': '32',
    'train.steps': '800',
}
FULL = {
    'dataset.name': 'wiki40b/en',
    'dataset.vocabulary': '32768',
    'model.layers': '6',
    'model.width': '512',
    'model.heads': '8',
    'model.hidden': '2048',
    'model.dropout': '0.1',
    'train.length': '256',
    'train.batch_size': '98',
    'train.steps': '100000',
    'train.evaluate_every': '5000',
    'train.checkpoint_every': '1000',
    'optimizer.learning_rate': '7e-4',
    'optimizer.warmup_steps': '4000',
}


def runs(scale: str = 'mini') -> list[Run]:
    """Sinusoids, and learned vectors."""
    encodings = grids.choice('encoding', {name: f'configs/{name}.py' for name in NAMES})
    return grids.runs(encodings, None, SEEDS | (MINI if scale == 'mini' else FULL))


def claims(rows) -> list[dict]:
    """The verdict on the claim."""
    cells, verdicts = judging.Cells(rows), judging.Verdicts()

    def equivalent():
        loss = {name: cells.times(name, 'windows/loss', 1) for name in NAMES}
        apart = judging.difference(loss['learned'], loss['sinusoidal'])
        found = equivalence.tost(list(apart.values()), MARGIN)
        said = f'learned - sinusoidal {found.mean:.3f} [{found.low:.3f}, {found.high:.3f}] (90 %), p = {found.p:.3f}'
        return found.word == 'equivalent', f'{said}: {found.word}; {judging.each(loss)} nats a token'

    verdicts.judge(
        f'Learned and sinusoidal positions differ by less than {MARGIN} nats a token (TOST)', equivalent, *NAMES
    )
    return verdicts.found
