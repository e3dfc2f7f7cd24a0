"""Studies of tasks that are no text, as their runs would leave them: made-up numbers in the schema of the files."""

import json
import math
from pathlib import Path

import numpy as np

from tests.report import runs

# Share, lower is better, three protocols, chance by length.
FLIP_FLOP = {
    'task': 'retrieval/flip_flop',
    'length_unit': 'tokens',
    'metrics': {
        'error': {'unit': 'of read bits', 'better': 'lower', 'decides': True, 'share': True},
        'loss': {'unit': 'nats per read bit', 'better': 'lower'},
    },
    'protocols': {
        'sparse': {'label': 'sparse', 'scores': 'read bits of sequences that seldom write'},
        'dense': {'label': 'dense', 'scores': 'read bits of sequences that often write'},
        'as_trained': {'label': 'as trained', 'scores': 'read bits of sequences like those of training.'},
    },
}
# Share, higher is better, one protocol, lengths that are no tokens.
DIGITS = {
    'task': 'image/digits',
    'metrics': {'accuracy': {'unit': 'of images', 'better': 'higher', 'decides': True, 'share': True}},
    'protocols': {'images': {'label': 'images', 'scores': 'every held-out image, once, drawn on a grid of that size'}},
}
# Share, higher is better, one length, a matrix.
NOVELS = ['Sense and Sensibility', 'Pride and Prejudice', 'Mansfield Park', 'Emma', 'Northanger Abbey', 'Persuasion']
CLASSIFY = {
    'task': 'text/classify',
    'length_unit': 'tokens',
    'metrics': {
        'loss': {'unit': 'nats per passage', 'better': 'lower'},
        'accuracy': {'unit': 'of passages', 'better': 'higher', 'decides': True, 'share': True},
        'macro_f1': {'unit': '', 'better': 'higher', 'share': True},
    },
    'protocols': {'passages': {'label': 'passages', 'scores': 'every passage of the held-out chapters'}},
}

TRAIN_LENGTH = 64
LENGTHS = (64, 65, 128, 256, 512)


def flip_flop_chance(length: int) -> float:
    """The position-only predictor is a little worse on longer sequences."""
    return 0.46 + 0.04 * (1 - 64 / length)


def row(task: dict, run: str, **changes) -> dict:
    """One row of a task, without what only a text has."""
    return runs.row(run, **{'task': task['task'], 'train_length': TRAIN_LENGTH, 'length': TRAIN_LENGTH} | changes)


def error_rows(run: str, seeds, base: float, slope: float) -> list[dict]:
    """Rows of flip-flop: an error that grows with every doubling, and most where writes are seldom."""
    rng, rows = np.random.default_rng(sum(run.encode())), []
    for seed in seeds:
        for length in LENGTHS:
            chance = flip_flop_chance(length)
            for protocol, harder in (('sparse', 1.0), ('dense', 0.1), ('as_trained', 0.3)):
                grown = base * harder + slope * harder * math.log2(length / TRAIN_LENGTH)
                error = float(np.clip(grown + 0.004 * rng.normal(), 0, 0.6))
                known = {'error': (error, chance), 'loss': (1.4 * error, math.log(2))}
                for metric, (value, guess) in known.items():
                    rows.append(row(FLIP_FLOP, run, seed=seed, length=length, metric=f'{protocol}/{metric}',
                                    value=value, chance=guess, examples=4096))  # fmt: skip
        for place in (*range(16, 65, 16), 65, *range(96, 513, 32)):
            value = float(np.clip(base + slope * max(0, math.log2(place / 64)) + 0.01 * rng.normal(), 0, 0.6))
            rows.append(row(FLIP_FLOP, run, seed=seed, length=place, metric='error_at_position', value=value,
                            chance=0.46, examples=2000))  # fmt: skip
        rows.append(row(FLIP_FLOP, run, seed=seed, split='validation', metric='sparse/error', value=base, chance=0.46))
    return rows


def accuracy_rows(run: str, seeds, base: float, slope: float) -> list[dict]:
    """Rows of digits: an accuracy that falls with every doubling of the grid."""
    rng = np.random.default_rng(sum(run.encode()))
    rows = []
    for seed in seeds:
        for length in (64, 144, 256):
            value = float(np.clip(base - slope * math.log2(length / 64) + 0.004 * rng.normal(), 0.08, 1))
            rows.append(row(DIGITS, run, seed=seed, length=length, metric='images/accuracy', value=value, chance=0.102,
                            examples=360))  # fmt: skip
    return rows


def passage_rows(run: str, seeds, base: float) -> list[dict]:
    """Rows of the classifier: one length, three metrics."""
    rng, rows = np.random.default_rng(sum(run.encode())), []
    for seed in seeds:
        value = base + 0.01 * float(rng.normal())
        known = {'accuracy': (value, 0.24), 'macro_f1': (value - 0.03, 0.065), 'loss': (1.6 - value, 1.71)}
        for metric, (amount, chance) in known.items():
            rows.append(row(CLASSIFY, run, seed=seed, metric=f'passages/{metric}', value=amount, chance=chance,
                            examples=900))  # fmt: skip
    return rows


def confusion(right: float) -> dict:
    """Passages of each novel by what was said of them; the novels differ in size."""
    sizes = np.array([220, 180, 300, 260, 90, 110])
    share = np.full((6, 6), (1 - right) / 5) + np.eye(6) * (right - (1 - right) / 5)
    counts = np.rint(share * sizes[:, None]).astype(int).tolist()
    return {'kind': 'matrix', 'title': 'Which novel a passage is said to be from', 'rows': NOVELS, 'columns': NOVELS,
            'values': counts, 'row_label': 'true', 'column_label': 'said'}  # fmt: skip


def metrics_of(seeds, metric: str, ends: float, start: float) -> list[dict]:
    """Training losses, and the metric on validation data: no validation loss."""
    lines = [line for line in runs.metrics_of(seeds, 0.1) if line['split'] == 'train']
    for seed in seeds:
        for step in range(250, 2001, 250):
            value = ends + (start - ends) * math.exp(-step / 500)
            lines.append({'step': step, 'split': 'validation', 'name': metric, 'value': value, 'seed': seed})
    return lines


def write_run(folder: Path, task: dict, rows: list[dict], metrics: list[dict] = ()) -> Path:
    """The folder of one run."""
    runs.write_rows(folder, rows, task)
    runs.write_lines(folder / 'metrics.jsonl', metrics)
    config = {'task': {'name': task['task'].split('/')[1], 'module': None}, 'dataset': None, 'dtype': 'float32'}
    (folder / 'config.json').write_text(json.dumps(config | {'model': {'name': 'decoder', 'layers': 2, 'width': 64}}))
    return folder


def flip_flop(folder: Path, seeds=range(3)) -> Path:
    """Three runs: one holds, one falls apart, one never learned."""
    for run, base, slope in (('alibi', 0.012, 0.001), ('rope', 0.004, 0.09), ('none', 0.47, 0.0)):
        metrics = metrics_of(seeds, 'error', base, 0.46)
        write_run(folder / run, FLIP_FLOP, error_rows(run, seeds, base, slope), metrics)
    return folder


def digits(folder: Path, seeds=range(3)) -> Path:
    """Three runs: one holds, one degrades, one falls apart."""
    for run, base, slope in (('axial_rope', 0.961, 0.004), ('fire', 0.972, 0.1), ('learned', 0.955, 0.43)):
        write_run(
            folder / run, DIGITS, accuracy_rows(run, seeds, base, slope), metrics_of(seeds, 'accuracy', base, 0.1)
        )
    return folder


def classify(folder: Path, seeds=range(3)) -> Path:
    """Two runs of one length, each with a confusion matrix."""
    for run, base in (('rope', 0.71), ('none', 0.52)):
        task = CLASSIFY | {'figures': {'confusion': confusion(base)}}
        metrics = metrics_of(seeds, 'accuracy', base, 0.24)
        write_run(folder / run, task, passage_rows(run, seeds, base), metrics)
    return folder
