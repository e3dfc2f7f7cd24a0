"""What is gained by going on with one novel from a model of the others, and what frozen token vectors cost?

A rotary decoder is trained on four novels (the main job's config). Its weights then go on for 200 steps on the
chapters of Persuasion, which it never saw: all of them, all but the token vectors, or none, which is the same model
from scratch. Three seeds each, of the batches alone where all start from the same model. Two chapters of ten are held
out. Validation at step 0 is what the model of the others knows of the novel.

    python launch.py --experiment=experiments/continue_novel.py

The claims were written before the runs; bits per character of the held-out chapters, windows of the training length:

1. Going on helps: fewer bits after it than before it.
2. Token vectors are good enough as they are: frozen, at most 1.02 times the bits of tuning all.
3. 200 steps from scratch are worse than no step at all from the model of the others.
"""

import contextlib

from posbench.runs.study import Run

SEEDS = '0,1,2'
NOVEL = {
    'seeds': SEEDS,
    'dataset.name': 'austen/persuasion',
    'train.steps': '200',
    'train.evaluate_every': '50',
    'train.checkpoint_every': '50',
    'optimizer.learning_rate': '1e-3',
    'optimizer.warmup_steps': '20',
    'evaluate.tokens': 'None',
}
# Token vectors that are frozen are those of one model for all seeds, so all go on from the same one.
FROM = {'init.folder': '{study}/others', 'init.seed': '0'}
# Steps that move nothing, so that the model of the others is scored on the novel.
AS_IT_IS = {'optimizer.learning_rate': '1e-30', 'train.steps': '25'}


def runs() -> list[Run]:
    """The model of the others, and three that go on with one novel."""
    return [
        Run('others', 'configs/rope.py', {'seeds': '0'}),
        Run('before', 'configs/rope.py', NOVEL | FROM | AS_IT_IS),
        Run('tuned', 'configs/rope.py', NOVEL | FROM),
        Run('frozen_vectors', 'configs/rope.py', NOVEL | FROM | {'init.freeze': 'input_layer/vectors'}),
        Run('scratch', 'configs/rope.py', NOVEL),
    ]


def claims(rows) -> list[dict]:
    """The verdicts on the three claims; a claim whose rows are missing is left out."""
    found = {}
    for row in rows:
        is_cell = row.split == 'test' and row.metric == 'windows/bits_per_character' and row.length == row.train_length
        if is_cell and not row.is_baseline:
            found.setdefault(row.run, []).append(row.value)
    mean = {run: sum(values) / len(values) for run, values in found.items()}
    verdicts = []

    def judge(claim, holds, evidence):
        with contextlib.suppress(KeyError):
            verdicts.append(dict(claim=claim, verdict='PASS' if holds() else 'FAIL', evidence=evidence()))

    judge(
        'Going on with the novel helps: fewer bits of its held-out chapters after it than before it',
        lambda: mean['tuned'] < mean['before'],
        lambda: f'{mean["before"]:.3f} before, {mean["tuned"]:.3f} after',
    )
    judge(
        'Frozen token vectors cost at most 1.02 times the bits of tuning all',
        lambda: mean['frozen_vectors'] <= 1.02 * mean['tuned'],
        lambda: f'{mean["frozen_vectors"]:.3f} frozen, {mean["tuned"]:.3f} tuned',
    )
    judge(
        '200 steps from scratch are worse than no step at all from the model of the others',
        lambda: mean['scratch'] > mean['before'],
        lambda: f'{mean["scratch"]:.3f} from scratch, {mean["before"]:.3f} before',
    )
    return verdicts
