"""A field of entrants on the tasks of a small benchmark, as their runs would leave it: made-up numbers, with failures.

python -m tests.report.leaderboard.fields FOLDER     writes 24 encodings x 8 tasks x 5 seeds x 4 lengths to look at
"""

import json
import math
import sys
from pathlib import Path

import numpy as np

from tests.report import runs

# What is kept at the training length, and what each doubling takes away.
ENCODINGS = {
    'none': ('none', 0.80, 0.14), 'sinusoidal': ('sinusoidal', 0.84, 0.36), 'learned': ('learned', 0.82, math.nan),
    'rope': ('rotary', 0.93, 0.27), 'rope_theta_500k': ('rotary', 0.92, 0.25), 'p_rope': ('rotary_p', 0.93, 0.22),
    'yarn': ('rotary_yarn', 0.92, 0.12), 'ntk': ('rotary_ntk', 0.92, 0.17), 'xpos': ('xpos', 0.91, 0.15),
    'pope': ('pope_polar', 0.93, 0.16), 'alibi': ('alibi', 0.88, 0.06), 'kerple_log': ('kerple_log', 0.90, 0.055),
    'kerple_power': ('kerple_power', 0.89, 0.07), 'fire': ('fire', 0.92, 0.05), 't5': ('t5_bias', 0.91, 0.09),
    'sandwich': ('sandwich', 0.87, 0.1), 'shaw': ('shaw', 0.92, 0.08), 'transformer_xl': ('transformer_xl', 0.94, 0.05),
    'deberta': ('deberta', 0.91, 0.08), 'tupe_r': ('tupe_r', 0.86, 0.11), 'cope': ('cope_contextual', 0.92, 0.09),
    'fox': ('fox', 0.93, 0.06), 'path': ('path', 0.94, 0.04), 'dape': ('dape', 0.91, 0.07),
}  # fmt: skip

# Lower or higher is better, a share or not; chance; how hard the task is; the training length.
TASKS = {
    'text/language_model': ('bits_per_character', 'lower', False, 4.43, 0.5, 128),
    'length/copy': ('exact_match', 'higher', True, 0.0, 1.0, 32),
    'length/addition': ('exact_match', 'higher', True, 0.001, 1.3, 16),
    'length/sort': ('exact_match', 'higher', True, 0.0, 1.1, 32),
    'retrieval/flip_flop': ('error', 'lower', True, 0.5, 0.4, 64),
    'retrieval/key_value': ('exact_match', 'higher', True, 0.03, 0.9, 64),
    'retrieval/counting': ('exact_match', 'higher', True, 0.1, 0.8, 64),
    'chomsky/cycle_navigation': ('token_accuracy', 'higher', True, 0.2, 1.6, 40),
}
MULTIPLES = (1, 2, 4, 8)


def task(name: str) -> dict:
    """task.json of a task."""
    metric, better, share, *_ = TASKS[name]
    unit = 'bits per character' if not share else 'of answers'
    return {
        'task': name, 'length_unit': 'tokens',
        'metrics': {metric: {'unit': unit, 'better': better, 'decides': True, 'share': share}},
        'protocols': {'answers': {'label': 'answers', 'scores': 'every answer, greedy'}},
    }  # fmt: skip


def rows_of(run: str, name: str, seeds=range(5), multiples=MULTIPLES) -> list[dict]:
    """Rows of one run of a task."""
    encoding, kept, slope = ENCODINGS[run]
    metric, better, share, chance, hard, train_length = TASKS[name]
    rng, rows = np.random.default_rng(sum(f'{run} {name}'.encode())), []
    own, taste = 0.05 * rng.normal(), math.exp(0.4 * rng.normal())
    for seed in seeds:
        luck = 0.09 * rng.normal()
        for multiple in multiples:
            lost = slope * hard * taste * math.log2(multiple) ** 1.2 if multiple > 1 else 0.0
            skill = float(np.clip(kept / (0.7 + 0.3 * hard) + own + luck - lost + 0.04 * rng.normal(), -0.02, 1.0))
            perfect = (0.0 if better == 'lower' else 1.0) if share else 1.6
            value = math.nan if math.isnan(lost) else chance + skill * (perfect - chance)
            rows.append(runs.row(
                run, task=name, seed=seed, length=train_length * multiple, metric=f'answers/{metric}', value=value,
                chance=chance, train_length=train_length, encoding=encoding, params=918_272 + 128 * len(run),
                encoding_params=128 * len(run), examples=2048, wall_seconds=300.0 + 20 * len(run), device='2 x cpu',
                options={'encoding': {'name': encoding, 'module': None}, 'positions': {'name': 'sequential'}},
            ))  # fmt: skip
    return rows


def write(folder: Path, encodings=tuple(ENCODINGS), tasks=tuple(TASKS), seeds=range(5), **changes) -> Path:
    """Every encoding on every task, a folder each."""
    for name in tasks:
        for run in encodings:
            short = name.rpartition('/')[2]
            place = runs.write_rows(folder / f'{short}-{run}', rows_of(run, name, seeds, **changes), task(name))
            config = {'task': {'name': name}, 'train': {'length': TASKS[name][-1], 'batch_size': 16, 'steps': 2000}}
            config |= {'model': {'name': 'decoder', 'layers': 4, 'width': 128}, 'encoding': {'name': run}}
            (place / 'config.json').write_text(json.dumps(config))
    return folder


def damage(folder: Path) -> None:
    """What goes wrong in a large study: runs that failed, one not begun, a seed that diverged, a length lost."""
    for run, kind, reason in (
        ('addition-dape', 'nan', 'loss of seed 3 is nan at step 350'),
        ('sort-path', 'out of memory', '14.2 GiB asked, 12.0 GiB free'),
    ):
        (folder / run / 'rows.jsonl').unlink()
        (folder / run / 'failed.json').write_text(json.dumps({'run': run, 'kind': kind, 'reason': reason}))
    (folder / 'counting-tupe_r' / 'rows.jsonl').unlink()
    for run, changed in {
        'copy-sinusoidal': lambda row: row | ({'value': math.nan} if row['seed'] == 2 and row['length'] > 64 else {}),
        'key_value-fox': lambda row: None if row['length'] == 512 else row,
    }.items():
        path = folder / run / 'rows.jsonl'
        found = [changed(json.loads(line)) for line in path.read_text().splitlines()]
        runs.write_lines(path, [row for row in found if row is not None])


if __name__ == '__main__':
    damage(write(Path(sys.argv[1])))
