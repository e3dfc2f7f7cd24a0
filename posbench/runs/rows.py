"""Rows: every number that a report shows, one JSON object a line (contract C2 of the run folder)."""

import json
import math
import pathlib
import subprocess

import jax

import posbench
from posbench.devices import parallel
from posbench.training.evaluate import Windows
from posbench.files import write_atomically
from posbench.training.job import Job
from posbench.training.log import training_seconds
from posbench.training.progress import Progress
from posbench.training.loop import Trained

NAME = 'rows.jsonl'


def score(job: Job, trained: Trained, folder: pathlib.Path, progress: Progress, experiment: str | None = None) -> None:
    """Evaluates all seeds at all lengths and writes rows.jsonl, whole or not at all.

    Of a run of two phases both encodings are scored; the first one's rows have its name behind that of the run.
    """
    measured = [(job, trained)]
    while measured[0][1].before is not None:
        phase, weights = measured[0]
        measured.insert(0, (phase.before, weights.before))
    parts = [_of_phase(*one, folder, progress, experiment) for one in measured]
    parts[-1].baselines()
    if parallel.is_first():
        lines = [json.dumps(row) + '\n' for rows in parts for row in rows.rows]
        write_atomically(folder / NAME, ''.join(lines))


def _of_phase(job: Job, trained: Trained, folder: pathlib.Path, progress: Progress, experiment: str | None) -> '_Rows':
    """The rows of one encoding, without those of reference models."""
    rows = _Rows(job, trained, folder, experiment)
    evaluator, plan, train_length = job.evaluator(), job.plan, job.schedule.length
    lengths = plan.lengths(train_length)
    progress.start(2 * len(lengths) + 1, 0, 'evaluating')
    done = 0

    def finish(windows: Windows, protocol: str, split: str) -> Windows:
        nonlocal done
        done += 1
        progress.update(done)
        rows.of_windows(windows, protocol, split)
        return windows

    validation = job.text.tokens['validation']
    finish(evaluator.windows(trained.params, validation, train_length, plan.tokens), 'windows', 'validation')
    tokens_N = job.text.tokens[plan.split]
    for length in lengths:
        windows = evaluator.windows(trained.params, tokens_N, length, plan.tokens)
        finish(windows, 'windows', plan.split)
        sliding = evaluator.sliding(trained.params, tokens_N, length, lengths[-1], plan.stride, plan.tokens)
        finish(sliding, 'sliding', plan.split)
    rows.by_position(windows, plan.split)
    return rows


class _Rows:
    """Collects rows with what they all have in common filled in."""

    def __init__(self, job: Job, trained: Trained, folder: pathlib.Path, experiment: str | None):
        params, encoding_params = job.parameter_counts()
        device = jax.devices()[0]
        self.job = job
        self.rows = []
        self.common = dict(
            experiment=experiment,
            run=job.name,
            encoding=job.encoding_name,
            options=job.options,
            task=job.task_name,
            step=trained.step,
            train_length=job.schedule.length,
            params=params,
            encoding_params=encoding_params,
            wall_seconds=training_seconds(folder),
            device=f'{len(job.layout.mesh.devices.flat)} x {device.device_kind}',
            git_sha=_git_sha(),
            config_hash=job.config_hash,
            version=posbench.__version__,
        )

    def add(self, **values) -> None:
        row = dict(values) if values['run'].startswith('baseline:') else self.common | values
        empty = dict.fromkeys((*self.common, 'seed', 'length', 'value', 'chance', 'examples'))
        order = 'experiment run encoding options task seed split length metric value chance examples step train_length'
        rest = 'params encoding_params wall_seconds device git_sha config_hash version'
        full = empty | row
        self.rows.append({key: full[key] for key in (order + ' ' + rest).split()})

    def of_windows(self, windows: Windows, protocol: str, split: str) -> None:
        unigram = self.job.text.baselines[split]['unigram_tokens_nats']
        chance = dict(
            loss=unigram,
            perplexity=math.exp(unigram),
            bits_per_character=self.job.text.baselines[split]['unigram'],
        )
        for seed, of_seed in zip(self.job.seeds, windows.scores()):
            for name, value in of_seed.values().items():
                self.add(
                    run=self.job.name,
                    seed=seed,
                    split=split,
                    length=windows.length,
                    metric=f'{protocol}/{name}',
                    value=value,
                    chance=chance[name],
                    examples=of_seed.tokens,
                )

    def by_position(self, windows: Windows, split: str) -> None:
        """Mean loss of tokens number (previous k, k] of the longest windows, as rows of length k."""
        for place, mean_S, tokens in windows.by_position(self.job.schedule.length):
            for seed, mean in zip(self.job.seeds, mean_S):
                self.add(
                    run=self.job.name,
                    seed=seed,
                    split=split,
                    length=place,
                    metric='loss_at_position',
                    value=float(mean),
                    chance=self.job.text.baselines[split]['unigram_tokens_nats'],
                    examples=tokens,
                )

    def baselines(self) -> None:
        for split, values in self.job.text.baselines.items():
            for name in ('unigram', '5-gram'):
                self.add(
                    run=f'baseline:{name}',
                    task=self.job.task_name,
                    split=split,
                    metric='windows/bits_per_character',
                    value=values[name],
                    version=posbench.__version__,
                )


def _git_sha() -> str | None:
    """The commit of this checkout, None outside of one; a '+' says that tracked files were changed."""
    here = pathlib.Path(__file__).parent

    def git(*arguments) -> str | None:
        try:
            done = subprocess.run(['git', *arguments], cwd=here, capture_output=True, text=True, timeout=10, check=True)
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip()

    sha = git('rev-parse', '--short=12', 'HEAD')
    return sha and sha + ('+' if git('status', '--porcelain', '--untracked-files=no') else '')
