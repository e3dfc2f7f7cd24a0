"""What happens to eight encodings, and to one trained on random positions, past the length they were trained on?

The runs: every config below, three seeds in one program, with the budget of the main job.

    python launch.py --experiment=experiments/length_curves.py --workdir=experiments/results/length_curves

The claims were written before the runs. Bits per character of the test novel, mean over seeds:

1. Sinusoidal and learned positions fall apart past the training length (Press et al. 2022, tables 2-4: sinusoidal
   perplexity x2.2 at twice and x6.6 at five times the length): worse by half or more at 8x than at 1x.
2. ALiBi does not: at 8x it is no worse than 1.05 times its 1x, by either protocol.
3. Rotary degrades, but less than sinusoidal, at 2x (Press et al. 2022, table 2).
4. T5's bias at 2x is no worse than 1.05 times its 1x (the same table).
5. Random positions help: randomized rotary at 8x is better than rotary at 8x (Ruoss et al. 2023, for algorithms).
"""

import contextlib

from posbench.runs import grids
from posbench.runs.study import Run

CONFIGS = ('none', 'sinusoidal', 'learned', 'rope', 'alibi', 't5', 'shaw', 'transformer_xl', 'randomized_rope')
SEEDS = (0, 1, 2)


def runs() -> list[Run]:
    """One run an encoding."""
    encodings = grids.choice('encoding', {name: f'configs/{name}.py' for name in CONFIGS})
    return grids.runs(encodings, overrides={'seeds': str(SEEDS)})


def claims(rows) -> list[dict]:
    """The verdicts on the five claims; a claim whose rows are missing is left out."""
    table = {}
    for row in rows:
        if row.split == 'test' and row.metric.endswith('/bits_per_character') and row.length:
            protocol = row.metric.split('/')[0]
            multiple = row.length / row.train_length
            table.setdefault((row.run, protocol, multiple), []).append(row.value)
    mean = {key: sum(values) / len(values) for key, values in table.items()}

    def ratio(run, multiple, protocol='sliding'):
        return mean[run, protocol, multiple] / mean[run, protocol, 1]

    verdicts = []

    def judge(claim, holds, evidence):
        with contextlib.suppress(KeyError):
            verdicts.append(dict(claim=claim, verdict='PASS' if holds() else 'FAIL', evidence=evidence()))

    for run in ('sinusoidal', 'learned'):
        judge(
            f'{run} falls apart: at 8x at least 1.5 times the bits of 1x (sliding window)',
            lambda run=run: ratio(run, 8) >= 1.5,
            lambda run=run: f'x{ratio(run, 8):.2f} at 8x, x{ratio(run, 2):.2f} at 2x',
        )
    judge(
        'ALiBi does not fall apart: at 8x at most 1.05 times the bits of 1x, by both protocols',
        lambda: ratio('alibi', 8) <= 1.05 and ratio('alibi', 8, 'windows') <= 1.05,
        lambda: f'x{ratio("alibi", 8):.3f} sliding, x{ratio("alibi", 8, "windows"):.3f} windows',
    )
    judge(
        'Rotary degrades at 2x, but less than sinusoidal (sliding window)',
        lambda: 1 < ratio('rope', 2) < ratio('sinusoidal', 2),
        lambda: f'rotary x{ratio("rope", 2):.3f}, sinusoidal x{ratio("sinusoidal", 2):.3f}',
    )
    judge(
        "T5's bias holds at 2x: at most 1.05 times the bits of 1x (sliding window)",
        lambda: ratio('t5', 2) <= 1.05,
        lambda: f'x{ratio("t5", 2):.3f} at 2x, x{ratio("t5", 8):.3f} at 8x',
    )
    judge(
        'Random positions help rotary: fewer bits at 8x than with sequential ones (sliding window)',
        lambda: mean['randomized_rope', 'sliding', 8] < mean['rope', 'sliding', 8],
        lambda: (
            f'{mean["randomized_rope", "sliding", 8]:.3f} against {mean["rope", "sliding", 8]:.3f} bits a character'
        ),
    )
    return verdicts
