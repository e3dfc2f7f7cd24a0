"""A run folder or a folder of run folders, read into memory. Nothing below this file touches the disk to read."""

import dataclasses
import json
import math
import statistics
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from posbench import identity, manifest
from posbench.report import kinds, named, noise, word_map
from posbench.report import published as published_lib
from posbench.report import rows as rows_lib
from posbench.report import task as task_lib
from posbench.report.rows import ReportError, Row
from posbench.report.task import Metric, Task

# What other programs keep below a run: never a run of its own.
_INTERNAL = ('checkpoints', 'tb')
# What a report is made of, where the run wrote it.
_READ = {
    *('rows.jsonl', 'metrics.jsonl', 'parts.jsonl', 'timing.jsonl', 'config.json', 'trained.json', 'task.json'),
    *('fingerprint.json', 'encoding.json', 'samples.json', 'words.json'),
}


@dataclasses.dataclass(frozen=True)
class Run:
    """One trained configuration. `name` is unique among the runs of a task; what has no file is None.

    `config` is the one that was trained, and `trained` what else the weights come from.
    """

    name: str
    where: str
    task: Task
    rows: list[Row]
    metrics: list[dict]
    figures: dict[str, dict]
    config: dict | None
    trained: dict | None
    fingerprint: dict | None
    picture: dict | None
    parts: noise.Parts
    samples: dict | None
    # What a run of word vectors shows beside its rows, None of any other run; and how many words or tokens it read a
    # second, of all calls the one in the middle, None where timing.jsonl does not say.
    words: dict | None = None
    rate: float | None = None

    @property
    def loss(self) -> Metric:
        """What training minimises; runs of word vectors on one text each have their own."""
        known = self.task.loss
        return known if self.words is None else dataclasses.replace(known, unit=self.words['objective'])

    def series(self, split: str, name: str) -> dict[int | None, tuple[list[int], list[float]]]:
        """Steps and values of one logged quantity for each seed; a step logged again counts once, the last time."""
        by_seed: dict[int | None, dict[int, float]] = {}
        for line in self.metrics:
            if line.get('split') == split and line.get('name') == name and line.get('value') is not None:
                by_seed.setdefault(line.get('seed'), {})[line['step']] = line['value']
        ordered = sorted(by_seed.items(), key=lambda item: (item[0] is None, item[0] or 0))
        return {seed: (sorted(values), [values[step] for step in sorted(values)]) for seed, values in ordered}


@dataclasses.dataclass(frozen=True)
class Study:
    """Everything that a report is made of. `single` when the folder is itself the folder of one run.

    A folder with a study.json has a title and a question, and of a trial the knobs that all its runs have set;
    `left_over` is what lies in it and does not count: name and why.

    `levels` has the choices that its runs, by their names, are made of; {} of a study that is no grid.
    `changed` has a sentence for every folder in which a file is not what the run wrote, and `unvouched` the folders for
    whose files nothing speaks, as of runs that were written by hand.
    """

    folder: Path
    runs: list[Run]
    baselines: list[Row]
    claims: list[dict]
    failed: list[dict]
    single: bool
    changed: list[str]
    unvouched: list[str]
    title: str | None = None
    question: str | None = None
    overrides: dict[str, str] = dataclasses.field(default_factory=dict)
    left_over: list[dict[str, str]] = dataclasses.field(default_factory=list)
    published: list[published_lib.Published] = dataclasses.field(default_factory=list)
    levels: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)

    @property
    def is_of_encodings(self) -> bool:
        """Whether encodings are compared: a grid does it if one of its choices is called `encoding`."""
        return not self.levels or any('encoding' in of_run for of_run in self.levels.values())


def read(folder: str | Path) -> Study:
    """Reads a run folder, or every run folder below a study folder; raises ReportError in one line."""
    folder = Path(folder)
    if not folder.is_dir():
        raise ReportError(f'{folder}: no such folder; wanted a run folder, or a folder of run folders.')
    study = named.read(folder)
    direct = study is None and (folder / 'rows.jsonl').is_file()
    places = [folder] if direct else _places(folder, 'rows.jsonl')
    if study is None:
        found = [(place, row) for place in places for row in rows_lib.read(place / 'rows.jsonl')]
        failed, left_over = _failed(folder), []
    else:
        everything = dict.fromkeys(places + _places(folder, 'config.json') + _places(folder, 'failed.json'))
        ours = named.sort(folder, study, everything)
        found, failed, left_over = ours.rows, ours.failed, ours.left_over
    if not found:
        raise ReportError(f'{folder}: no results; looked for rows.jsonl with at least one row, here and below.')
    runs, baselines, tasks = [], [], {}
    groups = _by_run(found)
    trained = Counter(place for (place, _), rows in groups.items() if not rows[0].is_baseline)
    for (place, name), rows in groups.items():
        if rows[0].is_baseline:
            baselines.extend(rows)
        else:
            if place not in tasks:
                tasks[place] = task_lib.read(place)
            task_lib.check_rows(place, tasks[place][0], [row.task for row in rows])
            runs.append(_run(place, name, rows, folder, *tasks[place], others=trained[place] > 1))
    task_lib.agree([(run.where, run.task) for run in runs])
    runs = _named_apart(runs)
    claims, judged = _claims(folder / 'claims.json')
    if judged not in (None, named.digest(folder, runs)):
        claims = []
        left_over.append(dict(name='claims.json', why='verdicts on other rows; the study judges them anew'))
    return Study(
        folder=folder,
        runs=sorted(runs, key=lambda run: run.name),
        baselines=baselines,
        claims=claims,
        failed=failed,
        single=direct and len(runs) == 1,
        changed=[f'{place}: {damage}; it was changed after the run.' for place in tasks if (damage := _damage(place))],
        unvouched=[place.relative_to(folder).as_posix() for place in tasks if not (place / manifest.NAME).is_file()],
        title=study and (study.title if study.scale is None else f'{study.title} ({study.scale} scale)'),
        question=study and study.question,
        overrides=study.overrides if study else {},
        left_over=left_over,
        published=published_lib.of_study(folder),
        levels=study.levels if study else {},
    )


def _damage(place: Path) -> str | None:
    """What the run did not leave so. Vectors may be gone, for which a repository has no room: no report reads them."""
    there = {path.name for path in place.iterdir()}
    return manifest.damage(place, there | _READ)


def _places(folder: Path, name: str) -> list[Path]:
    """The folders of files of that name, see `_below`."""
    return [path.parent for path in _below(folder, name)]


def _below(folder: Path, name: str) -> list[Path]:
    """Files of that name at any depth, in the order of their paths, outside hidden and internal folders."""
    paths = sorted(folder.rglob(name))
    inside = [path.relative_to(folder).parent.parts for path in paths]
    return [
        path
        for path, parts in zip(paths, inside)
        if not any(part.startswith('.') or part in _INTERNAL for part in parts)
    ]


def _by_run(found: list[tuple[Path, Row]]) -> dict[tuple[Path, str], list[Row]]:
    groups: dict[tuple[Path, str], list[Row]] = {}
    for place, row in found:
        groups.setdefault((place, row.run), []).append(row)
    return groups


def _run(place: Path, name: str, rows: list[Row], folder: Path, task: Task, figures: dict, *, others: bool) -> Run:
    """`others` says that the folder has rows of more runs than this one."""
    metrics = []
    if (place / 'metrics.jsonl').is_file():
        for number, line in rows_lib.numbered_objects(place / 'metrics.jsonl', torn_end=True):
            if not isinstance(line.get('step'), int) or not isinstance(line.get('value'), int | float | None):
                raise ReportError(
                    f'{place / "metrics.jsonl"}, line {number}: wanted an integer step and a value, got {line}.'
                )
            metrics.append(line)
    words = _checked(place / 'words.json', word_map.check)
    picture, trained = _checked(place / 'encoding.json', kinds.check), _json(place / 'trained.json', dict)
    samples = _samples(place / 'samples.json')
    if others:
        # The phases of one run: each learned up to the step it was scored at, and the last one was drawn.
        metrics = [line for line in metrics if line['step'] <= (rows[0].step or math.inf)]
        last = picture is not None and picture.get('encoding') == rows[0].encoding
        picture, figures, samples = (picture, figures, samples) if last else (None, {}, None)
    return Run(
        name=name,
        where=place.relative_to(folder).as_posix(),
        task=task,
        rows=rows,
        metrics=metrics,
        figures=figures,
        # A checkpoint says what was trained; config.json may have been edited since.
        config=trained['config'] if trained and 'config' in trained else _json(place / 'config.json', dict),
        trained=trained,
        fingerprint=_json(place / 'fingerprint.json', dict),
        picture=picture,
        parts=noise.read(place, name, rows[0].step),
        samples=samples,
        words=words,
        rate=_rate(place, words['unit'] if words else 'tokens'),
    )


def _rate(place: Path, unit: str) -> float | None:
    """Units a second; None where timing.jsonl does not say."""
    path = place / 'timing.jsonl'
    lines = rows_lib.numbered_objects(path, torn_end=True) if path.is_file() else ()
    rates = [line.get(f'{unit}_per_second') for _, line in lines]
    return statistics.median(rates) if rates and all(isinstance(rate, int | float) for rate in rates) else None


def _named_apart(runs: list[Run]) -> list[Run]:
    """Folders of one run with different seeds become one run; runs that only share their name get that of their folder.

    One run has one config, but for the seeds, which its config.json says; folders without one stay apart.
    """
    together: dict[tuple[str, str], dict[str, list[Run]]] = {}
    for run in runs:
        by_config = together.setdefault((run.task.name, run.name), {})
        by_config.setdefault(run.where if run.config is None else _but_for_seeds(run), []).append(run)
    unique = []
    for (_, name), by_config in together.items():
        apart = []
        for parts in by_config.values():
            apart += [parts] if _fit(parts) else [[run] for run in parts]
        for parts in apart:
            where = ', '.join(run.where for run in parts)
            unique.append(_merged(parts, name if len(apart) == 1 else f'{name} ({where})'))
    return unique


def _but_for_seeds(run: Run) -> str:
    """What folders of one run have in common: what was trained, and whether their rows are still those of it."""
    config = {key: value for key, value in run.config.items() if key != 'seeds'}
    trained = {key: (run.trained or {}).get(key) for key in ('data', 'tokenizer', 'history')}
    scored = sorted({identity.is_of(run.config, row.config_hash) for row in run.rows})
    return json.dumps([config, trained, scored], sort_keys=True)


def _fit(parts: list[Run]) -> bool:
    """Whether no two of these hold the same cells."""
    rows = [row for run in parts for row in run.rows]
    cells = Counter((row.split, row.train_length, row.seed, row.metric, row.length) for row in rows)
    return max(cells.values()) == 1


def _merged(parts: list[Run], name: str) -> Run:
    """One run of several folders."""
    rows = [row for run in parts for row in run.rows]
    metrics = [line for run in parts for line in run.metrics]
    figures = parts[0].figures
    if len(parts) > 1:
        figures = {f'{figure} {run.where}': item for run in parts for figure, item in run.figures.items()}
    measured = {cell: values for run in parts for cell, values in run.parts.items()}
    rates = [run.rate for run in parts]
    return dataclasses.replace(
        parts[0],
        name=name,
        rows=rows,
        metrics=metrics,
        figures=figures,
        parts=measured,
        rate=None if None in rates else statistics.mean(rates),
    )


def _json(path: Path, *kinds: type) -> dict | list | None:
    if not path.is_file():
        return None
    try:
        item = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ReportError(f'{path}: damaged, not JSON ({error}).') from None
    if not isinstance(item, kinds):
        wanted = ' or '.join(kind.__name__ for kind in kinds)
        raise ReportError(f'{path}: wanted {wanted}, got {type(item).__name__}.')
    return item


def _checked(path: Path, check: Callable[[dict], None]) -> dict | None:
    """An object that `check` has nothing against; None where there is no such file."""
    item = _json(path, dict)
    if item is not None:
        try:
            check(item)
        except ValueError as error:
            raise ReportError(f'{path}: {error}') from None
    return item


def _samples(path: Path) -> dict | None:
    samples = _json(path, dict)
    if samples is None:
        return None
    texts = samples.get('texts')
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in [*texts, samples.get('about')]):
        raise ReportError(f'{path}: wanted about, a text, and texts, a list of texts, got {samples!r:.80}.')
    return samples


def _claims(path: Path) -> tuple[list[dict], str | None]:
    """The verdicts, and the digest of the rows that they were judged by where the file says it."""
    item = _json(path, dict, list) or []
    claims, judged = (item, None) if isinstance(item, list) else (item.get('claims'), item.get('rows'))
    if not isinstance(claims, list):
        raise ReportError(f'{path}: wanted a list of claims, got {claims!r}.')
    for number, claim in enumerate(claims, start=1):
        if not isinstance(claim, dict) or claim.get('verdict') not in ('PASS', 'FAIL') or 'claim' not in claim:
            raise ReportError(f'{path}, claim {number}: wanted claim, verdict PASS or FAIL, and evidence, got {claim}.')
    return claims, judged


def _failed(folder: Path) -> list[dict]:
    """Runs without results: those that say why in a failed.json, and those that have a config and no rows."""
    failed, told = [], set()
    for path in _below(folder, 'failed.json'):
        items = _json(path, dict, list)
        for item in [items] if isinstance(items, dict) else items:
            if not isinstance(item, dict):
                raise ReportError(f'{path}: wanted objects with run and reason, got {item!r}.')
            name, reason = item.get('run'), item.get('reason')
            told_of = {'run': str(name or path.parent.name), 'reason': str(reason or 'no reason given')}
            failed.append(told_of | named.failure(path.parent))
        told.add(path.parent)
    for path in _below(folder, 'config.json'):
        if path.parent not in told and not (path.parent / 'rows.jsonl').is_file():
            where = path.parent.relative_to(folder).as_posix()
            failed.append({'run': where, 'reason': 'no rows.jsonl: not finished'})
    return failed
