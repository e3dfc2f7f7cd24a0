"""Run folders as a training would leave them, from a seeded generator: the schema of the files, plausible numbers."""

import json
import math
from pathlib import Path

import numpy as np

TRAIN_LENGTH = 128
LENGTHS = (128, 129, 256, 512, 1024)
BINS = (*range(1, 17), *range(24, 129, 8), 129, *range(144, 257, 16), *range(288, 1025, 32))
CHANCE = 4.31  # bits per character of a unigram model
NATS = 1.62  # nats per token for a bit per character, at about 2.3 characters a token

# Bits per character at the training length, and how much is added for each doubling beyond it.
STUDY = {
    'rope': (1.985, 0.42),
    'alibi': (2.004, -0.012),
    'none': (2.063, 0.21),
    'sinusoidal': (2.041, 0.95),
    't5': (1.991, 0.03),
    'learned': (2.052, math.nan),
    'randomized_rope': (2.031, 0.02),
    'fire': (1.989, 0.06),
}


TASK = {
    'task': 'text/austen',
    'length_unit': 'tokens',
    'metrics': {
        'loss': {'unit': 'nats per token', 'better': 'lower'},
        'perplexity': {'unit': 'per token', 'better': 'lower'},
        'bits_per_character': {'unit': 'bits per character', 'better': 'lower', 'decides': True},
    },
    'protocols': {
        'windows': {'label': 'windows', 'scores': 'non-overlapping windows of that length, every token scored'},
        'sliding': {'label': 'last tokens', 'scores': 'a sliding window of that length, only its last tokens scored'},
    },
}


def picture(kind: str, title: str) -> dict:
    distances = [*range(65), *range(72, 1024, 12)]
    if kind == 'similarity':
        positions = list(range(0, 1024, 16))
        angle_PF = np.arange(0, 1024, 16)[:, None] / 10_000 ** (np.arange(16) / 16)
        matrix = np.cos(angle_PF[:, None] - angle_PF[None]).mean(-1)
        return {'kind': kind, 'title': title, 'positions': positions, 'matrix': matrix.round(4).tolist()}
    if kind == 'score':
        angle = np.array(distances)[:, None] / 10_000 ** (np.arange(16) / 16)
        curves = {'equal key': np.cos(angle).mean(-1)}
        return {'kind': kind, 'title': title, 'distances': distances,
                'curves': {name: y.round(4).tolist() for name, y in curves.items()}}  # fmt: skip
    if kind == 'bias':
        heads = [[-(2.0 ** -(2 * h + 2)) * d for d in distances] for h in range(4)]
        return {'kind': kind, 'title': title, 'distances': distances, 'heads': heads}
    return {'kind': 'none', 'title': title}


KINDS = {'rope': 'score', 'randomized_rope': 'score', 'alibi': 'bias', 't5': 'bias', 'fire': 'bias',
         'sinusoidal': 'similarity', 'learned': 'similarity'}  # fmt: skip

TITLES = {
    'similarity': 'Cosine similarity of position vectors', 'bias': 'Bias by distance, one line a head',
    'score': 'Mean score of a query with an equal key by distance, relative to distance 0',
    'none': 'No encoding: nothing to draw',
}  # fmt: skip


def row(run: str = 'rope', **changes) -> dict:
    """One row in the schema."""
    return {
        'experiment': None, 'run': run, 'encoding': run.split('_')[-1],
        'options': {'encoding': {'name': run.split('_')[-1]}, 'positions': {'name': 'sequential'}},
        'task': 'text/austen', 'seed': 0, 'split': 'test', 'length': TRAIN_LENGTH,
        'metric': 'windows/bits_per_character', 'value': 2.0, 'chance': CHANCE, 'examples': 512, 'step': 2000,
        'train_length': TRAIN_LENGTH, 'params': 918_272, 'encoding_params': 0, 'wall_seconds': 412.7, 'device': 'cpu',
        'git_sha': '0f3c9a1', 'config_hash': 'c0ffee12', 'version': '0.1.0',
    } | changes  # fmt: skip


def rows_of(run: str, seeds=range(5), base: float = 2.0, slope: float = 0.4, **changes) -> list[dict]:
    """All rows of a run: both protocols, three measures, the loss by position and the two reference models."""
    rng = np.random.default_rng(sum(run.encode()))
    rows = []
    for seed in seeds:
        own = base + rng.normal() * 0.012
        for length in LENGTHS:
            past = max(0.0, math.log2(length / TRAIN_LENGTH))
            for protocol, steeper in (('windows', 1.0), ('sliding', 1.5)):
                bits = own + (slope * steeper * past**1.3 if past else 0) + rng.normal() * 0.004 * (1 + past)
                bits -= 0.06 * (protocol == 'sliding')
                values = {'bits_per_character': bits, 'loss': bits * NATS, 'perplexity': math.exp(bits * NATS)}
                for measure, value in values.items():
                    chance = {'bits_per_character': CHANCE, 'loss': CHANCE * NATS, 'perplexity': None}[measure]
                    rows.append(row(run, seed=seed, length=length, metric=f'{protocol}/{measure}', value=value,
                                    chance=chance, examples=65_536 // length * length, **changes))  # fmt: skip
        for start, end in zip((0, *BINS), BINS):
            past = max(0.0, math.log2(end / TRAIN_LENGTH))
            bits = own + 2.1 / (1 + end**0.75) + (slope * 1.6 * past if past else 0) + rng.normal() * 0.01
            if end == TRAIN_LENGTH + 1:
                bits += rng.normal() * 0.03
            rows.append(row(run, seed=seed, length=end, metric='loss_at_position', value=bits * NATS,
                            chance=CHANCE * NATS, examples=64 * (end - start), **changes))  # fmt: skip
        for measure, value in {'bits_per_character': own - 0.03, 'loss': (own - 0.03) * NATS}.items():
            rows.append(row(run, seed=seed, split='validation', metric=f'windows/{measure}', value=value, **changes))
    for name, value in (('unigram', CHANCE), ('5-gram', 2.243)):
        unknown = dict.fromkeys(('encoding', 'options', 'seed', 'length', 'chance', 'examples', 'step', 'train_length'))
        rows.append(row(f'baseline:{name}', value=value, params=None, encoding_params=None, **unknown))
    return rows


def metrics_of(seeds=range(5), final: float = 3.2, steps: int = 2000) -> list[dict]:
    lines = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        for step in range(50, steps + 1, 50):
            loss = final + 3.4 * math.exp(-step / 170) + 0.5 * math.exp(-step / 900) + rng.normal() * 0.05
            lines.append({'step': step, 'split': 'train', 'name': 'loss', 'value': loss, 'seed': seed})
            lines.append({'step': step, 'split': 'train', 'name': 'learning_rate', 'value': 1e-3, 'seed': seed})
            if step % 500 == 0:
                lines.append({'step': step, 'split': 'validation', 'name': 'loss', 'value': loss + 0.06, 'seed': seed})
    return lines


def write_lines(path: Path, items: list[dict]) -> None:
    path.write_text(''.join(json.dumps(item) + '\n' for item in items))


def write_rows(folder: Path, items: list[dict], task: dict = TASK) -> Path:
    """Rows, and the task.json that says what they mean."""
    folder.mkdir(parents=True, exist_ok=True)
    write_lines(folder / 'rows.jsonl', items)
    (folder / 'task.json').write_text(json.dumps(task | {'task': items[0]['task']}))
    return folder


def write_run(folder: Path, run: str = 'rope', seeds=range(5), base=2.0, slope=0.4, rows=None, **changes) -> Path:
    """Writes a whole run folder and returns it."""
    write_rows(folder, rows_of(run, seeds, base, slope, **changes) if rows is None else rows)
    write_lines(folder / 'metrics.jsonl', metrics_of(seeds, base * NATS))
    config = {
        'encoding': {'name': run, 'module': None}, 'positions': {'name': 'sequential'}, 'seeds': list(seeds),
        'model': {'kind': 'decoder', 'layers': 4, 'width': 128, 'heads': 4},
        'train': {'length': TRAIN_LENGTH, 'batch_size': 32, 'steps': 2000},
        'optimizer': {'name': 'adamw', 'learning_rate': 0.003, 'schedule': 'cosine'},
    }  # fmt: skip
    (folder / 'config.json').write_text(json.dumps(config))
    (folder / 'fingerprint.json').write_text(json.dumps({'python': '3.11.7', 'jax': '0.10.2', 'cpu_count': 2}))
    (folder / 'encoding.json').write_text(json.dumps(picture(KINDS.get(run, 'none'), TITLES[KINDS.get(run, 'none')])))
    return folder


def write_study(folder: Path, seeds=range(5), study=STUDY) -> Path:
    for run, (base, slope) in study.items():
        write_run(folder / 'runs' / run, run, seeds, base, slope, encoding_params=128 * 128 if run == 'learned' else 0)
    return folder
