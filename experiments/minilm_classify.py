"""Is a published sentence encoder worth more than its architecture, and is its head enough to train?

MiniLM (Wang et al. 2020, arXiv 2002.10957; 6 layers, 384 wide) with a new head tells which of six novels a passage of
64 tokens is from, chapters held out: frozen but for the head, tuned as a whole, and the same body from scratch. Five
seeds each, 120 steps of 8 passages: what a few minutes can show, no tuned recipe.

    python -m benchmarks.fetch_minilm
    python launch.py --experiment=experiments/minilm_classify.py

The claims were written before the runs; accuracy on held-out chapters at the training length, mean over seeds:

1. Frozen, it is better than the same body from scratch.
2. Tuned, it is better than frozen.
3. All three are better than chance.
"""

import contextlib

from posbench.runs.study import Run

CONFIG = 'configs/tasks/classify_minilm.py'
COMMON = {'seeds': '0,1,2,3,4'}
# All but the head.
BODY = 'block_*,input_layer/*,position_encoding/*'


def runs() -> list[Run]:
    """The same model from three beginnings."""
    return [
        Run('frozen', CONFIG, COMMON | {'init.freeze': BODY, 'optimizer.learning_rate': '1e-2'}),
        Run('tuned', CONFIG, COMMON),
        Run('scratch', CONFIG, COMMON | {'init.folder': 'None'}),
    ]


def claims(rows) -> list[dict]:
    """The verdicts on the three claims; a claim whose rows are missing is left out."""
    found, chance = {}, 0.0
    for row in rows:
        if row.split == 'test' and row.metric.endswith('/accuracy') and row.length == row.train_length:
            found.setdefault(row.run, []).append(row.value)
            chance = row.chance
    mean = {run: sum(values) / len(values) for run, values in found.items()}
    verdicts = []

    def judge(claim, holds, evidence):
        with contextlib.suppress(KeyError):
            verdicts.append(dict(claim=claim, verdict='PASS' if holds() else 'FAIL', evidence=evidence()))

    judge(
        'A frozen published encoder with a new head is better than the same body from scratch',
        lambda: mean['frozen'] > mean['scratch'],
        lambda: f'{mean["frozen"]:.3f} frozen, {mean["scratch"]:.3f} from scratch',
    )
    judge(
        'Tuned as a whole it is better than frozen',
        lambda: mean['tuned'] > mean['frozen'],
        lambda: f'{mean["tuned"]:.3f} tuned, {mean["frozen"]:.3f} frozen',
    )
    judge(
        'All three are better than chance',
        lambda: min(mean['frozen'], mean['tuned'], mean['scratch']) > chance,
        lambda: f'the least is {min(mean.values()):.3f}, chance {chance:.3f}',
    )
    return verdicts
