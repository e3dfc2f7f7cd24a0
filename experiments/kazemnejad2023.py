"""Which decoders copy and reverse sequences that are longer than any in training (Kazemnejad et al. 2023)?

The splits of arXiv 2305.19466, trained up to one length and asked up to twice as much, by exact match of greedy
answers. Its authors released their results by seed, from which the numbers beside ours are computed.

    python launch.py --experiment=experiments/kazemnejad2023.py --scale=mini

The claims were written before the runs. Exact match on lengths beyond training, L + 2 to 2 L in steps of 2; the
training length is L. (Released, mean of three seeds, on copy_cmc and reverse_mc: none 0.31 and 0.23, T5 0.42 and 0.24,
ALiBi 0.33 and 0.17, rotary of a quarter of the channels 0.01 and 0.08, sinusoidal 0.03 and 0.02.)

1. Sinusoidal and rotary of all channels solve the training length, 0.95 or more, and have at most 0.05 from 24 on.
2. The mean of none and T5 is at least 0.2 above that of rotary (a quarter) and sinusoidal.
3. The ranking of the five encodings of the paper agrees with theirs, by a Kendall tau of 0.6 or more.

The paper: 12 layers, 768 channels, 40,000 steps of 64, a T5 tokenizer, 17 splits, three seeds; its rotary encoding
turns 16 of 64 channels. Mini: copy_cmc and reverse_mc of 26 symbols, a token each, 3 layers, 64 channels, 4 heads,
2,000 steps of 64, three seeds. Full: all of copy and reverse, addition, sum, parity, sort, polynomial, LEGO and SCAN;
PCFG is not here.

Time: not run yet.
"""

import itertools
import pathlib

from posbench.report import judging, published
from posbench.report.statistics import agreement
from posbench.runs import grids
from posbench.runs.study import Run

EXACT = 'decoded/exact_match'
ENCODINGS = {
    'none': {'encoding.name': 'none'},
    't5': {'encoding.name': 't5_bias'},
    'alibi': {'encoding.name': 'alibi'},
    'partial_rope': {'encoding.name': 'rotary', 'encoding.fraction': '0.25'},
    'rope': {'encoding.name': 'rotary'},
    'sinusoidal': {'encoding.name': 'sinusoidal'},
}
THEIRS = ('none', 't5', 'alibi', 'partial_rope', 'sinusoidal')
UP_TO_20 = {'train.length': '20', 'evaluate.multiples': '1,2', 'evaluate.lengths': '22,24,25,26,28,30,32,34,36,38'}
UP_TO_8 = {'train.length': '8', 'evaluate.multiples': '1,2', 'evaluate.lengths': '10,11,12,13,14,15'}
SPLITS = {
    **{f'copy_{name}': {'task.name': 'length/copy', 'task.variant': name} | UP_TO_20
       for name in ('rsc', 'rdc', 'cmc', 'rsc2x', 'cmc2x')},
    **{f'reverse_{name}': {'task.name': 'length/reverse', 'task.variant': name} | UP_TO_20
       for name in ('mc', 'mc2x', 'mcrv')},
    **{name: {'task.name': f'length/{name}'} | UP_TO_8
       for name in ('addition', 'sum', 'parity', 'sort', 'polynomial', 'lego')},
    'scan_mdlen': {
        'task.name': 'length/scan',
        'train.length': '25',
        'evaluate.multiples': '1',
        'evaluate.lengths': '30,36,42,48',
    },
}  # fmt: skip
MINI_SPLITS = ('copy_cmc', 'reverse_mc')
MINI = {
    'seeds': '0,1,2',
    'task.symbols': '26',
    'model.layers': '3',
    'model.width': '64',
    'model.heads': '4',
    'model.hidden': '256',
    'train.batch_size': '64',
    'train.steps': '2000',
    'optimizer.learning_rate': '1e-3',
    'evaluate.tokens': '16384',
}
FULL = {
    'seeds': '0,1,2',
    'model.layers': '12',
    'model.width': '768',
    'model.heads': '12',
    'model.hidden': '2048',
    'model.dropout': '0.1',
    'train.batch_size': '64',
    'train.steps': '40000',
    'train.evaluate_every': '2000',
    'train.checkpoint_every': '1000',
    'optimizer.learning_rate': '3e-5',
    'optimizer.warmup_steps': '2400',
    'optimizer.weight_decay': '0.05',
}


def runs(scale: str = 'mini') -> list[Run]:
    """Every split with every encoding."""
    cells = grids.product(grids.choice('split', SPLITS), grids.choice('encoding', ENCODINGS))
    cells, knobs = (grids.only(cells, split=MINI_SPLITS), MINI) if scale == 'mini' else (cells, FULL)
    return grids.runs(cells, 'configs/tasks/kazemnejad.py', knobs)


def claims(rows) -> list[dict]:
    """The verdicts on the three claims."""
    cells, verdicts = judging.Cells(rows), judging.Verdicts()

    def unseen(split, name):
        run = f'{split}-{name}'
        # Not the odd ones, which stand there for the table by length.
        return cells.over(run, EXACT, [n for n in cells.unseen(run, EXACT) if (n - cells.trained(run)) % 2 == 0])

    def over_splits(name):
        return judging.mean_of([unseen(split, name) for split in MINI_SPLITS])

    def fail_at_once():
        found, holds = {}, True
        for split, name in itertools.product(MINI_SPLITS, ('sinusoidal', 'rope')):
            run = f'{split}-{name}'
            trained, beyond = cells.times(run, EXACT, 1), cells.at(run, EXACT, 24)
            holds = holds and judging.mean(trained) >= 0.95 and judging.mean(beyond) <= 0.05
            found |= {f'{run} at L': trained, f'{run} at 24': beyond}
        return holds, judging.each(found)

    def relative_ones_go_further():
        far, near = (
            judging.mean_of([over_splits(name) for name in names])
            for names in (('none', 't5'), ('partial_rope', 'sinusoidal'))
        )
        apart = judging.difference(far, near)
        return judging.mean(apart) >= 0.2, (
            f'{judging.said(apart)}: {judging.each({name: over_splits(name) for name in ENCODINGS})}'
        )

    def ranked_as_published():
        ours = {name: judging.mean(over_splits(name)) for name in THEIRS}
        released = published.load(pathlib.Path(__file__).parent / 'published' / 'kazemnejad2023_splits.json')
        theirs = {
            name: sum(released.find(f'{split}-{name}', EXACT, None).value for split in MINI_SPLITS) / len(MINI_SPLITS)
            for name in THEIRS
        }
        found = agreement.kendall(ours, theirs)
        return found.tau >= 0.6, f'tau {found.tau:.2f}: {", ".join(f"{name} {x:.3f}" for name, x in ours.items())}'

    verdicts.judge(
        'Sinusoidal and rotary have 0.95 or more at the training length and at most 0.05 at 24',
        fail_at_once,
        *(f'{split}-{name}' for split in MINI_SPLITS for name in ('sinusoidal', 'rope')),
    )
    verdicts.judge(
        "None and T5's bias are at least 0.2 above partial rotary and sinusoidal beyond training",
        relative_ones_go_further,
        *(f'{split}-{name}' for split in MINI_SPLITS for name in ('none', 't5')),
    )
    verdicts.judge(
        "Ranks of the paper's five encodings agree: Kendall's tau of 0.6 or more",
        ranked_as_published,
        *(f'{split}-{name}' for split in MINI_SPLITS for name in THEIRS),
    )
    return verdicts.found
