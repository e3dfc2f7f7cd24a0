"""Which decoders read on past their training length, and which only count fewer early tokens (Press et al. 2022)?

Tables 2 to 5 and 13 to 15 of arXiv 2108.12409: sinusoidal, rotary, T5's bias and ALiBi, and no positions besides,
trained at one length and scored at longer ones by two protocols, windows that do not overlap and a sliding window.

    python launch.py --experiment=experiments/press2022_extrapolation.py --scale=mini

The claims were written before the runs. Perplexity per token of the test text, as a multiple of that at the training
length L; of the paper, trained at 512: sinusoidal x2.17 at about 2 L and x6.60 at 5 L, rotary x1.07 and x1.57, T5 x0.96
and x1.04, ALiBi x0.95 and x0.93.

1. Windows, 4 L: sinusoidal is at least x1.5.
2. Windows, 4 L: ALiBi is at most x1.02.
3. Windows, 4 L: ALiBi and T5 are both below rotary, and rotary is below sinusoidal. (Which of the two is below the
   other is left open: in the paper they differ by 0.1 up to 2 L.)
4. Sliding window: ALiBi stays within 3 % of L at every longer length, and sinusoidal is at least x1.5 at 4 L. So what
   ALiBi gains by windows are fewer early tokens, not more context.
5. Table 5: ALiBi's perplexity by windows falls with every doubling of the length that is scored, whatever the length
   that it was trained at.

The paper: WikiText-103, words, 16 layers, 1024 channels, 8 heads, 247 M parameters, 205 epochs, L = 512, 1024 and 3072,
one seed. Mini: the shipped novels, 1,024 tokens of a byte-pair encoding, 3 layers, 64 channels, 4 heads, 800 steps of
32 sequences, L = 64 (ALiBi also 32 and 128), three seeds. Perplexities of words and of these tokens cannot be compared,
their ratios can. (The limits were first thought of for characters, whose perplexity of about 4 leaves no room for such
ratios; experiments/length_curves.py, which ran before this was written, has tokens.)

Full: the paper's model and steps on Wiki-40B in English, which tensorflow_datasets has (WikiText-103 it has not: a copy
of it is read by --config.dataset.name=folder and --config.dataset.folder). The paper's loss is an adaptive softmax,
here it is a full one over the 32,768 commonest words.

Time: not run yet.
"""

import itertools

from posbench.report import judging
from posbench.runs import grids
from posbench.runs.study import Run

ENCODINGS = ('sinusoidal', 'rope', 't5', 'alibi', 'none')
WINDOWS, SLIDING = 'windows/perplexity', 'sliding/perplexity'
MINI = {
    'seeds': '0,1,2',
    'model.layers': '3',
    'model.width': '64',
    'model.hidden': '256',
    'train.steps': '800',
    'evaluate.tokens': '32768',
}
# As many tokens a step at every length, and all are scored at 256.
MINI_LENGTHS = {
    '64': {'train.length': '64', 'train.batch_size': '32', 'evaluate.multiples': '1,2,4,5'},
    '32': {'train.length': '32', 'train.batch_size': '64', 'evaluate.multiples': '1,2,4,8'},
    '128': {'train.length': '128', 'train.batch_size': '16', 'evaluate.multiples': '1,2'},
}
# The paper's model and text, and how it is trained, which others take too.
PAPER_MODEL = {
    'dataset.name': 'wiki40b/en',
    'dataset.tokenizer': 'words',
    'dataset.vocabulary': '32768',
    'model.layers': '16',
    'model.width': '1024',
    'model.heads': '8',
    'model.hidden': '4096',
    'model.dropout': '0.3',
}
PAPER_TRAINING = {
    # 205 epochs of 103 M words, 73,728 words a step.
    'train.steps': '286000',
    'train.evaluate_every': '5000',
    'train.checkpoint_every': '1000',
    'optimizer.learning_rate': '1e-3',
    'optimizer.warmup_steps': '16000',
}
FULL = (
    PAPER_MODEL
    | PAPER_TRAINING
    | {
        'seeds': '0',
        'evaluate.multiples': '1',
        'evaluate.first_unseen': 'False',
        'evaluate.split': 'validation',
        'evaluate.tokens': 'None',
        'evaluate.batch_tokens': '16384',
    }
)
# The lengths of tables 2 to 4, and of table 5.
FULL_LENGTHS = {
    length: {'train.length': length, 'train.batch_size': batch, 'evaluate.lengths': scored}
    for length, batch, scored in (
        ('512', '144', '532,612,712,1012,1024,1512,1536,2048,2512,3072,3512,5512,15512'),
        ('1024', '72', '1224,1536,2024,2048,3024,3072,5024,16024'),
        ('3072', '24', '4072,6072,16072'),
    )
}


def runs(scale: str = 'mini') -> list[Run]:
    """Encodings by training lengths, of the mini ones ALiBi alone by several. The first length is not in the name."""
    knobs, lengths = (MINI, MINI_LENGTHS) if scale == 'mini' else (FULL, FULL_LENGTHS)
    encodings = grids.choice('encoding', {name: f'configs/{name}.py' for name in ENCODINGS})
    first = next(iter(lengths))
    cells = grids.product(encodings, grids.choice('length', lengths))
    if scale == 'mini':
        cells = grids.subset(cells, lambda encoding, length: encoding == 'alibi' or length == first)
    return grids.runs(cells, None, knobs, name=lambda cell: cell.name.removesuffix(f'-{first}'))


def claims(rows) -> list[dict]:
    """The verdicts on the five claims."""
    cells, verdicts = judging.Cells(rows), judging.Verdicts()

    def ratio(run, multiple, metric=WINDOWS):
        return judging.ratio(cells.times(run, metric, multiple), cells.times(run, metric, 1))

    def mean(run, multiple):
        return judging.mean(ratio(run, multiple))

    def sinusoidal_falls_apart():
        found = ratio('sinusoidal', 4)
        return judging.mean(found) >= 1.5, f'x{judging.said(found)}'

    def alibi_holds():
        found = ratio('alibi', 4)
        return judging.mean(found) <= 1.02, f'x{judging.said(found)}'

    def order():
        alibi, t5, rope, sinusoidal = (mean(run, 4) for run in ('alibi', 't5', 'rope', 'sinusoidal'))
        return max(alibi, t5) < rope < sinusoidal, judging.each(
            {run: ratio(run, 4) for run in ('alibi', 't5', 'rope', 'sinusoidal')}
        )

    def by_sliding_window():
        first = cells.times('alibi', SLIDING, 1)
        alibi = {
            length: judging.ratio(cells.at('alibi', SLIDING, length), first)
            for length in cells.unseen('alibi', SLIDING)
        }
        sinusoidal = ratio('sinusoidal', 4, SLIDING)
        flat = all(abs(judging.mean(one) - 1) <= 0.03 for one in alibi.values())
        said = judging.each({f'ALiBi at {length}': one for length, one in alibi.items()})
        return flat and judging.mean(sinusoidal) >= 1.5, f'{said}; sinusoidal at 4 L {judging.said(sinusoidal)}'

    def triangle():
        mini = cells.trained('alibi') == 64
        curves = {}
        for run in ('alibi-32', 'alibi', 'alibi-128') if mini else ('alibi', 'alibi-1024'):
            trained, most = cells.trained(run), 256 if mini else 2048
            lengths = [trained * 2**n for n in range((most // trained).bit_length())]
            curves[run] = [judging.mean(cells.at(run, WINDOWS, length)) for length in lengths]
        falls = all(a > b for curve in curves.values() for a, b in itertools.pairwise(curve))
        return falls, '; '.join(f'{run} {" ".join(f"{x:.2f}" for x in curve)}' for run, curve in curves.items())

    verdicts.judge(
        'Windows, 4 L: sinusoidal has at least 1.5 times the perplexity of L', sinusoidal_falls_apart, 'sinusoidal'
    )
    verdicts.judge('Windows, 4 L: ALiBi has at most 1.02 times the perplexity of L', alibi_holds, 'alibi')
    verdicts.judge(
        "Windows, 4 L: ALiBi and T5's bias rise less than rotary, and rotary less than sinusoidal",
        order,
        'alibi',
        't5',
        'rope',
        'sinusoidal',
    )
    verdicts.judge(
        'Sliding window: ALiBi stays within 3 % of L, and sinusoidal has at least 1.5 times it at 4 L',
        by_sliding_window,
        'alibi',
        'sinusoidal',
    )
    verdicts.judge(
        'Windows: ALiBi falls with every doubling of the scored length, wherever it was trained',
        triangle,
        'alibi',
        'alibi-32',
        'alibi-128',
        'alibi-1024',
    )
    return verdicts.found
