"""Rows: every number that a report shows, one JSON object a line, and what the numbers mean (contract C2)."""

import dataclasses
import itertools
import json
import os
import pathlib
import subprocess
from collections.abc import Iterable

import numpy as np

import posbench
from posbench import manifest
from posbench.devices import parallel
from posbench.files import write_atomically
from posbench.tasks import base
from posbench.training import origin, probe
from posbench.training.evaluate import Scored
from posbench.training.job import Job
from posbench.training.log import training_seconds
from posbench.training.loop import Trained
from posbench.training.progress import Progress
from posbench.training.trainable import Trainable

NAME = 'rows.jsonl'
TASK = 'task.json'
# What the weights that were scored come from.
TRAINED = 'trained.json'
# The deciding metric on parts of the data that a row is about, one line a row: how much it owes to their choice.
PARTS = 'parts.jsonl'
# What a report reads of a run, beside its rows.
WRITTEN = (
    *('config.json', 'fingerprint.json', 'metrics.jsonl', 'timing.jsonl', 'encoding.json', 'samples.json'),
    *(TASK, TRAINED, PARTS),
)
ORDER = (
    *('experiment', 'run', 'encoding', 'options', 'task', 'seed', 'split', 'length', 'metric', 'value', 'chance'),
    *('examples', 'step', 'train_length', 'params', 'encoding_params', 'wall_seconds', 'device', 'git_sha'),
    *('config_hash', 'version'),
)
# Two rows of one run are about one number where these are equal.
CELL = ('split', 'seed', 'metric', 'length')


def score(job: Job, trained: Trained, folder: pathlib.Path, progress: Progress, experiment: str | None = None) -> None:
    """Evaluates all seeds and writes task.json, parts.jsonl, a manifest of what the run has written, and rows.jsonl.

    Each whole or not at all, in this order; rows that the manifest before does not vouch for are moved aside.

    Of a run of two phases both encodings are scored; the first one's rows have its name behind that of the run. Lengths
    that these weights were scored at before are scored again, because the longest of all may decide which targets the
    others score. Rows of another split stay.
    """
    earlier = read(folder)
    measured = [(job, trained)]
    while measured[0][1].before is not None:
        phase, weights = measured[0]
        measured.insert(0, (phase.before, weights.before))
    parts = [_of_phase(*one, folder, progress, experiment, earlier) for one in measured]
    parts[-1].baselines()
    if parallel.is_first():
        write_atomically(folder / PARTS, as_lines([line for part in parts for line in part.parts]))
        rows = [row for part in parts for row in part.rows]
        publish(job, trained, folder, rows, meaning(job, parts[-1].figures), WRITTEN)


def publish(
    job: Trainable, trained: Trained, folder: pathlib.Path, rows: list[dict], task: dict, written: Iterable[str]
) -> None:
    """Ends the scoring of a run: what its weights come from, task.json, a manifest of the files `written`, its rows.

    Each whole or not at all, in this order: a folder with rows that its manifest vouches for is done.
    """
    if trained.origin is not None:
        write_atomically(folder / TRAINED, json.dumps(_trained(trained), indent=1) + '\n')
    write_atomically(folder / TASK, json.dumps(task, indent=1) + '\n')
    if manifest.damage(folder, [NAME]) and (folder / NAME).exists():
        os.replace(folder / NAME, folder / f'damaged-{NAME}')
    said = dict(run=job.name, step=trained.step, steps=job.schedule.steps)
    manifest.vouch(folder, written, {NAME: as_lines(rows)}, said)
    write_atomically(folder / NAME, as_lines(rows))


def read(folder: pathlib.Path, name: str = NAME) -> list[dict]:
    """The rows of a folder, or the lines of another file of it; none where nothing was scored in it, or where they are
    not those that were written.

    ValueError, with the file, where nothing vouches for them and they are no rows.
    """
    path = folder / name
    if not path.exists() or manifest.damage(folder, [name]):
        return []
    try:
        return [json.loads(line) for line in path.read_text('utf-8').splitlines()]
    except ValueError as error:
        raise ValueError(f'{path}: damaged, not rows ({error}); move it away to score this run again') from None


def as_lines(items: list[dict]) -> bytes:
    """One JSON object a line."""
    return ''.join(json.dumps(item) + '\n' for item in items).encode()


def name_of(folder: pathlib.Path, config_name: str, experiment: str | None = None) -> str:
    """What rows call the run of a folder: what they call it already, that of the last phase where there are several.

    A new one is called as its config, and in a study, where runs may have one config, as its folder.
    """
    earlier = (row['run'] for row in reversed(read(folder)) if not row['run'].startswith('baseline:'))
    return next(earlier, config_name if experiment is None else folder.name)


def meaning(job: Job, figures: dict[str, dict]) -> dict:
    """What the metrics and protocols of a task are, as reports read it."""
    task = job.task
    protocols = {
        name: dict(label=task.labels.get(name, name.replace('_', ' ')), scores=scores)
        for name, scores in task.protocols.items()
    }
    metrics = {name: metric._asdict() for name, metric in task.metrics.items()}
    said = dict(chance=task.guess) if task.guess else {}
    return dict(task=job.task_name, metrics=metrics, protocols=protocols, figures=figures, **said)


def _trained(trained: Trained) -> dict:
    return origin.summary(trained.origin) | dict(history=list(trained.history))


def _of_phase(
    job: Job,
    trained: Trained,
    folder: pathlib.Path,
    progress: Progress,
    experiment: str | None,
    earlier: list[dict],
) -> '_Rows':
    """The rows of one encoding, without those of reference models."""
    train_length, split = job.schedule.length, job.plan.split
    # A folder is of one config for ever: the same step has the same weights.
    earlier = [row for row in earlier if (row['run'], row['step']) == (job.name, trained.step)]
    before = [row['length'] for row in earlier if row['split'] == split and '/' in row['metric']]
    job = dataclasses.replace(job, plan=job.plan.also(before, train_length))
    rows = _Rows(job, trained, folder, experiment)
    lengths, main = job.plan.scored(train_length), next(iter(job.task.protocols))
    progress.start(len(lengths) + 1, 0, 'evaluating')

    def scored(split, length, only_main=False):
        found = job.evaluator.scored(trained.params, trained.frozen, split, length, only_main=only_main)
        for one in found:
            rows.of_protocol(one, job.evaluator.values(one), split)
            if not only_main:
                rows.of_parts(one, job.evaluator.on_parts(one, base.deciding(job.task.metrics)), split)
        return {one.protocol: one for one in found}

    if split != 'validation' or train_length not in lengths:
        scored('validation', train_length, only_main=True)
    for done, length in enumerate(lengths, start=1):
        progress.update(done)
        found = scored(split, length)
        if length == train_length:
            rows.figures |= job.task.figures(found[main].sums[0])
    rows.by_place(found[main], split)
    if job.plan.probe:
        rows.probed(probe.position_errors(job.evaluator, trained.params, trained.frozen, split, train_length), split)
    rows.keep([row for row in earlier if row['split'] != split])
    kept = [line for line in read(folder, PARTS) if (line['run'], line['step']) == (job.name, trained.step)]
    rows.parts += [line for line in kept if line['split'] != split]
    progress.update(len(lengths) + 1)
    return rows


def common(job: Trainable, trained: Trained, folder: pathlib.Path, experiment: str | None) -> dict:
    """What all rows of a run have in common, but for what only a model has."""
    return dict(
        experiment=experiment,
        run=job.name,
        options=job.options,
        task=job.task_name,
        step=trained.step,
        wall_seconds=training_seconds(folder),
        device=f'{job.layout.mesh.size} x {job.layout.mesh.devices.flat[0].device_kind}',
        git_sha=_git_sha(),
        config_hash=job.config_hash,
        version=posbench.__version__,
    )


def in_order(values: dict) -> dict:
    """A row with every key of the contract; what is not known is null."""
    full = dict.fromkeys(ORDER) | values
    return {key: full[key] for key in ORDER}


def kept(earlier: list[dict], rows: list[dict]) -> list[dict]:
    """Rows of an earlier scoring in whose place there are none among `rows`."""
    known = {tuple(row[name] for name in CELL) for row in rows}
    return [row for row in earlier if tuple(row[name] for name in CELL) not in known]


class _Rows:
    """Collects rows with what they all have in common filled in."""

    def __init__(self, job: Job, trained: Trained, folder: pathlib.Path, experiment: str | None):
        params, encoding_params = job.parameter_counts()
        self.job = job
        self.rows = []
        self.parts = []
        self.figures = {}
        self.common = common(job, trained, folder, experiment) | dict(
            encoding=job.encoding_name,
            train_length=job.schedule.length,
            params=params,
            encoding_params=encoding_params,
        )

    def add(self, **values) -> None:
        self.rows.append(in_order(values if values['run'].startswith('baseline:') else self.common | values))

    def keep(self, rows: list[dict]) -> None:
        """Rows of an earlier scoring that there are none in the place of."""
        self.rows += kept(rows, self.rows)

    def of_protocol(self, scored: Scored, values: list[dict[str, float]], split: str) -> None:
        """Every metric of every seed, beside chance."""
        chance = self.job.task.chance(split, scored.length)
        for seed, of_seed in zip(self.job.seeds, values):
            for name, value in of_seed.items():
                metric = f'{scored.protocol}/{name}'
                self.add(
                    run=self.job.name,
                    seed=seed,
                    split=split,
                    length=scored.length,
                    metric=metric,
                    value=value,
                    chance=chance.get(metric, chance.get(name)),
                    examples=scored.examples,
                )

    def of_parts(self, scored: Scored, values: list[list[float]], split: str) -> None:
        """The deciding metric on parts of the data, six digits of each: they are only compared with one another."""
        metric = f'{scored.protocol}/{base.deciding(self.job.task.metrics)}'
        cell = dict(run=self.job.name, step=self.common['step'], split=split, length=scored.length, metric=metric)
        for seed, of_seed in zip(self.job.seeds, values):
            self.parts.append(dict(**cell, seed=seed, values=[float(f'{value:.6g}') for value in of_seed]))

    def by_place(self, scored: Scored, split: str) -> None:
        """Means over targets number (previous k, k] of the longest sequences, as rows of length k."""
        chance = self.job.task.chance(split, scored.length)
        for seed, sums in zip(self.job.seeds, scored.sums):
            for name, (sum_L, weight_L) in self.job.task.places(sums).items():
                for start, stop in bins(scored.length, self.job.schedule.length):
                    weight = float(np.sum(weight_L[start:stop]))
                    if weight:
                        self.add(
                            run=self.job.name,
                            seed=seed,
                            split=split,
                            length=stop,
                            metric=f'{name}_at_position',
                            value=float(np.sum(sum_L[start:stop])) / weight,
                            chance=chance.get(name),
                            examples=round(weight),
                        )

    def probed(self, found: list[probe.Probed], split: str) -> None:
        """How far from where a token is a probe of each layer has it, at the training length."""
        for one in found:
            self.add(
                run=self.job.name,
                seed=one.seed,
                split=split,
                length=self.job.schedule.length,
                metric=f'position_error_of_layer_{one.layer}',
                value=one.error,
                chance=one.chance,
                examples=one.examples,
            )

    def baselines(self) -> None:
        """Models that nobody trained here, on both splits."""
        main = next(iter(self.job.task.protocols))
        for split in ('validation', 'test'):
            for name, values in self.job.task.baselines(split).items():
                for metric, value in values.items():
                    self.add(
                        run=f'baseline:{name}',
                        task=self.job.task_name,
                        split=split,
                        metric=f'{main}/{metric}',
                        value=value,
                        version=posbench.__version__,
                    )


def bins(length: int, border: int) -> list[tuple[int, int]]:
    """Half-open ranges of places, a sixteenth of their start wide; one ends at `border`, and the next has one place."""
    edges = [0]
    while edges[-1] < length:
        step = max(edges[-1] // 16, 1)
        following = edges[-1] + step
        for forced in (border, border + 1):
            if edges[-1] < forced < following:
                following = forced
        edges.append(min(following, length))
    return list(itertools.pairwise(edges))


def _git_sha() -> str | None:
    """The commit of this checkout, None outside of one; a '+' says that tracked files were changed."""
    here = pathlib.Path(__file__).parent

    def git(*arguments) -> str | None:
        try:
            done = subprocess.run(
                ['git', *arguments], cwd=here, capture_output=True, encoding='utf-8', errors='replace', timeout=10,
                check=True,
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip()

    sha = git('rev-parse', '--short=12', 'HEAD')
    return sha and sha + ('+' if git('status', '--porcelain', '--untracked-files=no') else '')
