"""Does a decoder without positions know where its tokens are, and what does it lack without them (Haviv et al. 2022)?

Table 1 of arXiv 2203.16634, language models that are scored at the length that they were trained at: perplexities on
WikiText-103 of 20.97 without positions, 20.42 with learned ones, 20.16 with sinusoids and 19.71 with ALiBi, one run
each. And its probe, which reads the position of a token off the states of each layer.

    python launch.py --experiment=experiments/haviv2022_nopos.py --scale=mini

The claims were written before the runs. Perplexity per token of the test text at the training length:

1. ALiBi is the best of the four and no positions the worst.
2. No positions cost at most 10 % of perplexity beside the best other one that is no bias, learned or sinusoids (in the
   paper 4 %).
3. From the second layer on, a probe of the decoder without positions is off by at most half of what saying the middle
   every time is. (Rows `position_error_of_layer_2` and later ones, in tokens; posbench/training/probe.py.)
4. What enters its first layer says nothing: there the same probe is within 5 % of saying the middle.

The paper: 247 M parameters, 512 tokens, and 1.3 B on the Pile, 1024 tokens; its probe is trained, ours is solved for.
Mini: the shipped novels, 3 layers, 64 channels, 4 heads, 64 tokens, 800 steps of 32 sequences, three seeds. Full:
the model and the text of experiments/press2022_extrapolation.py.

Time: not run yet.
"""

from experiments import press2022_extrapolation as press
from posbench.report import judging
from posbench.runs import grids
from posbench.runs.study import Run

NAMES = ('none', 'learned', 'sinusoidal', 'alibi')
PERPLEXITY = 'windows/perplexity'
BOTH = {'evaluate.multiples': '1', 'evaluate.first_unseen': 'False', 'evaluate.probe': 'True'}
MINI = {
    'seeds': '0,1,2',
    'model.layers': '3',
    'model.width': '64',
    'model.hidden': '256',
    'train.length': '64',
    'train.batch_size': '32',
    'train.steps': '800',
}
FULL = (
    press.PAPER_MODEL
    | press.PAPER_TRAINING
    | {
        'seeds': '0',
        'train.length': '512',
        'train.batch_size': '144',
        'evaluate.split': 'validation',
        'evaluate.tokens': 'None',
    }
)


def runs(scale: str = 'mini') -> list[Run]:
    """One run an encoding."""
    encodings = grids.choice('encoding', {name: f'configs/{name}.py' for name in NAMES})
    return grids.runs(encodings, None, BOTH | (MINI if scale == 'mini' else FULL))


def claims(rows) -> list[dict]:
    """The verdicts on the four claims."""
    cells, verdicts = judging.Cells(rows), judging.Verdicts()

    def perplexity(run):
        return cells.times(run, PERPLEXITY, 1)

    def order():
        found = {run: perplexity(run) for run in NAMES}
        means = {run: judging.mean(values) for run, values in found.items()}
        ranked = sorted(means, key=means.__getitem__)
        return ranked[0] == 'alibi' and ranked[-1] == 'none', judging.each(found, 2)

    def costs_little():
        best = min(('learned', 'sinusoidal'), key=lambda run: judging.mean(perplexity(run)))
        found = judging.ratio(perplexity('none'), perplexity(best))
        return judging.mean(found) <= 1.1, f'x{judging.said(found)} beside {best}'

    def errors(run):
        """By layer, as a share of that of saying the middle."""
        found, length = {}, cells.trained(run)
        for metric in cells.metrics(run, 'position_error_of_layer_'):
            chance = cells.chance(run, metric, [length])
            values = cells.at(run, metric, length)
            found[int(metric.rpartition('_')[2])] = {seed: value / chance for seed, value in values.items()}
        return dict(sorted(found.items()))

    def said(found):
        return judging.each({f'layer {layer}' if layer else 'input': values for layer, values in found.items()})

    def later_layers_know():
        found = errors('none')
        later = [judging.mean(values) for layer, values in found.items() if layer >= 2]
        return max(later) <= 0.5, f'error / that of the middle: {said(found)}; learned: {said(errors("learned"))}'

    def the_input_does_not():
        found = errors('none')[0]
        return abs(judging.mean(found) - 1) <= 0.05, f'error / that of the middle: {judging.said(found)}'

    verdicts.judge('ALiBi has the lowest perplexity of the four, no positions the highest', order, *NAMES)
    verdicts.judge(
        'No positions have at most 1.1 times the perplexity of learned ones or sinusoids', costs_little, 'none'
    )
    verdicts.judge(
        'From layer 2 on a probe tells positions with at most half of the error of chance', later_layers_know
    )
    verdicts.judge('What enters the first layer tells no positions: within 5 % of chance', the_input_does_not)
    return verdicts.found
