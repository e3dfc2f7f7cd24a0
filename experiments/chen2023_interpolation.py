"""What does a rotary decoder that is trained already need to read 4 times its trained length (Chen et al. 2023)?

A rotary decoder is trained at one length L. Its weights then meet other angles, and sequences of 4 L: positions divided
by 4 (position interpolation, arXiv 2306.15595), another base ("NTK-aware"), YaRN (Peng et al. 2024, arXiv 2309.00071),
LongRoPE (Ding et al. 2024, arXiv 2402.13753), and as they are; without one more step, and after 200 steps at 4 L.

    python launch.py --experiment=experiments/chen2023_interpolation.py --scale=mini

The claims were written before the runs. Perplexity per token of the test text at 4 L by a sliding window, as a multiple
of that of the first model at L. (LLaMA 7B of 2048 tokens: 7.20 as it is, more than 1000 at twice the length; after
tuning with interpolation on 8192 tokens 6.95 there.)

1. As it is, the model has at least 1.3 times.
2. Interpolation after 200 steps has at most 1.1 times.
3. YaRN after 200 steps has at most 1.1 times.
4. Interpolation without a step has less than the model as it is.

What an encoding gains in 200 steps it may owe to the steps alone: `rope-tuned` has them too, with the angles as they
are. LongRoPE's divisors are searched for in the paper; here they rise evenly from 1 for the fastest pair to 4 for the
slowest one. Runs without a step have one whose rate of 1e-30 moves no weight, because a run has a step; they are scored
with the weights of the first model, seed by seed.

The paper: LLaMA of 7 to 65 B parameters, 2048 tokens extended to 8192 and more, 1000 steps. Mini: the shipped novels, 3
layers, 64 channels, 4 heads, L = 64, 1,000 steps of 32 sequences, then 200 of 8, three seeds. Full: 16 layers of 1024
channels on Wiki-40B in English, L = 512.

Time: not run yet.
"""

from experiments import press2022_extrapolation as press
from posbench.report import judging
from posbench.runs import grids
from posbench.runs.study import Run

SLIDING = 'sliding/perplexity'
FACTOR = 4
MINI = {
    'seeds': '0,1,2',
    'model.layers': '3',
    'model.width': '64',
    'model.hidden': '256',
    'evaluate.tokens': '32768',
}
MINI_FIRST = {'train.length': '64', 'train.batch_size': '32', 'train.steps': '1000'}
FULL = press.PAPER_MODEL | {'seeds': '0,1,2'}
FULL_FIRST = press.PAPER_TRAINING | {'train.length': '512', 'train.batch_size': '144'}
# Each seed goes on from its own weights; optimizer and learning rate begin anew.
GOES_ON = {'init.folder': '{study}/rope', 'train.batch_size': '8', 'evaluate.first_unseen': 'False'}
AS_IT_IS = GOES_ON | {
    'train.steps': '1',
    'train.steps_per_call': '1',
    'optimizer.learning_rate': '1e-30',
    'optimizer.warmup_steps': '0',
}
TUNED = GOES_ON | {
    'train.steps': '200',
    'train.evaluate_every': '50',
    'train.checkpoint_every': '50',
    'optimizer.learning_rate': '3e-4',
    'optimizer.warmup_steps': '20',
}


def runs(scale: str = 'mini') -> list[Run]:
    """The first model, the others without a step, all of them after 200 steps on sequences of 4 times its length."""
    knobs, first = (MINI, MINI_FIRST) if scale == 'mini' else (FULL, FULL_FIRST)
    length = int(first['train.length'])
    factor, original = {'encoding.factor': str(FACTOR)}, {'encoding.original_length': str(length)}
    angles = grids.choice(
        'encoding',
        rope='configs/rope.py',
        position_interpolation=('configs/position_interpolation.py', factor),
        ntk=('configs/ntk.py', factor),
        yarn=('configs/yarn.py', factor | original),
        longrope=('configs/longrope.py', factor | original | {'encoding.long': f'1,{FACTOR}'}),
    )
    up_to_4 = {'evaluate.multiples': '1,2,4', 'evaluate.first_unseen': 'False'}
    longer = {
        'train.length': str(FACTOR * length),
        'evaluate.multiples': '1',
        'evaluate.lengths': f'{length},{2 * length}',
    }
    stages = grids.choice(
        'stage',
        first=first | up_to_4,
        as_it_is=AS_IT_IS | up_to_4 | {'train.length': str(length)},
        tuned=TUNED | longer,
    )
    cells = grids.subset(
        grids.product(angles, stages),
        lambda encoding, stage: stage == 'tuned' or (stage == 'first') == (encoding == 'rope'),
    )
    return grids.runs(cells, None, knobs, name=lambda cell: cell.name.removesuffix('-first').removesuffix('-as_it_is'))


def claims(rows) -> list[dict]:
    """The verdicts on the four claims."""
    cells, verdicts = judging.Cells(rows), judging.Verdicts()

    def ratio(run):
        length = cells.trained('rope')
        return judging.ratio(cells.at(run, SLIDING, FACTOR * length), cells.at('rope', SLIDING, length))

    def said(*names):
        return 'x' + judging.each({name: ratio(name) for name in names})

    def as_it_is():
        return judging.mean(ratio('rope')) >= 1.3, said('rope')

    def tuned(name):
        return judging.mean(ratio(f'{name}-tuned')) <= 1.1, said(name, f'{name}-tuned', 'rope-tuned')

    def helps_at_once():
        return judging.mean(ratio('position_interpolation')) < judging.mean(ratio('rope')), said(
            'position_interpolation', 'ntk', 'yarn', 'longrope', 'rope'
        )

    verdicts.judge(
        'As it is, the model has at least 1.3 times the perplexity at 4 L that it has at L', as_it_is, 'rope'
    )
    verdicts.judge(
        'Interpolation has at most 1.1 times that after 200 steps',
        lambda: tuned('position_interpolation'),
        'position_interpolation-tuned',
    )
    verdicts.judge('YaRN has at most 1.1 times that after 200 steps', lambda: tuned('yarn'), 'yarn-tuned')
    verdicts.judge(
        'Interpolation without a step has less at 4 L than the model as it is', helps_at_once, 'position_interpolation'
    )
    return verdicts.found
