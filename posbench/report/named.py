"""study.json: the runs that a study names. Only their rows count, and only where they are of the config it means.

Whatever else lies in the folder of a study is left over, and said to be.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from posbench import failures, identity, manifest
from posbench.report import rows as rows_lib
from posbench.report.rows import ReportError, Row

NAME = 'study.json'


@dataclasses.dataclass(frozen=True)
class Named:
    """What study.json says; `ids` are the config hashes of the runs by their names, `overrides` those of a trial.

    `scale` is mini or full, None of a study that has one only; `levels` are those of its runs that are cells of a grid,
    by the names of their choices.
    """

    title: str
    question: str
    experiment: str
    overrides: dict[str, str]
    ids: dict[str, str]
    scale: str | None = None
    levels: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Sorted:
    """The rows that count, each with its folder; the runs without any; and what is left over, each with its reason."""

    rows: list[tuple[Path, Row]]
    failed: list[dict[str, Any]]
    left_over: list[dict[str, str]]


def read(folder: Path) -> Named | None:
    """The study of a folder; None where there is no study.json. Raises ReportError in one line."""
    path = folder / NAME
    if not path.is_file():
        return None
    item = _json(path)
    wanted = dict(title=str, question=str, experiment=str, overrides=dict, runs=dict)
    scale, levels = item.pop('scale', None), item.pop('levels', {})
    typed = all(isinstance(item.get(key), kind) for key, kind in wanted.items()) and isinstance(scale, str | None)
    typed = typed and isinstance(levels, dict) and all(isinstance(one, dict) for one in levels.values())
    if item.keys() != wanted.keys() or not typed:
        raise ReportError(f'{path}: wanted an object with {", ".join(wanted)}; start the study again to write it anew.')
    texts = [*item['overrides'].values(), *item['runs'].values()]
    texts += [text for one in levels.values() for text in one.values()]
    if not all(isinstance(text, str) for text in texts) or any(Path(name).name != name for name in item['runs']):
        raise ReportError(f'{path}: wanted texts, and names of folders; start the study again to write it anew.')
    return Named(item['title'], item['question'], item['experiment'], item['overrides'], item['runs'], scale, levels)


def sort(folder: Path, study: Named, places: Iterable[Path]) -> Sorted:
    """`places` are all folders below the one of the study, itself included, that look like those of runs."""
    rows, failed, left_over = [], [], []
    for name, config_hash in study.ids.items():
        place = folder / name
        found = rows_lib.read(place / 'rows.jsonl') if (place / 'rows.jsonl').is_file() else []
        good = [row for row in found if row.config_hash == config_hash or row.is_baseline]
        other, config = len(found) - len(good), _config(place, config_hash)
        steps = None if config is None else manifest.last_step(place, config)
        if steps is None or not any(row.step == steps for row in good):
            failed.append(dict(run=name, reason=_reason(place, found, config_hash, config, steps)) | failure(place))
            if found:
                left_over.append(dict(name=name, why='rows of a run that did not end as this study means it'))
            continue
        if other:
            left_over.append(dict(name=name, why=f'{other} rows that were scored by other settings'))
        rows += [(place, row) for row in _renamed(good, name)]
    for place in places:
        where = place.relative_to(folder).as_posix()
        if where not in study.ids:
            left_over.append(dict(name=where, why='no run of this study'))
    return Sorted(rows, failed, left_over)


def failure(place: Path) -> dict[str, Any]:
    """What is known of a failure besides its reason: kind, attempts, and the config that says whose row it misses.

    {} of a run that has not failed, but has not been finished either.
    """
    item = failures.read(place)
    if item is None or not failures.word(item):
        return {}
    path = place / 'config.json'
    return dict(kind=item['kind'], attempts=item.get('attempts'), config=_json(path) if path.is_file() else None)


def digest(folder: Path, runs: Iterable) -> str:
    """What tells whether the rows of these runs are still those that claims were judged by."""
    found = hashlib.sha256()
    for where in sorted({run.where for run in runs}):
        found.update(where.encode() + b'\0' + (folder / where / 'rows.jsonl').read_bytes())
    return found.hexdigest()[:16]


def _config(place: Path, config_hash: str) -> dict[str, Any] | None:
    """The config of the run in a folder; None where it is not the one that is meant."""
    path = place / 'config.json'
    if not path.is_file():
        return None
    config = _json(path)
    return config if identity.is_of(config, config_hash) else None


def _reason(place: Path, found: list[Row], config_hash: str, config: dict | None, steps: int | None) -> str:
    """Why a run has no rows that count."""
    if (place / 'failed.json').is_file():
        return str(_json(place / 'failed.json').get('reason') or 'no reason given')
    if not (place / 'config.json').is_file():
        return 'not begun'
    if config is None:
        return 'its folder holds a run of another config'
    if any(row.config_hash == config_hash for row in found):
        return f'scored at step {max(row.step or 0 for row in found)} of {steps or "more"}: not finished'
    return 'scored by other settings since; the study scores it anew' if found else 'no rows.jsonl: not finished'


def _renamed(rows: list[Row], name: str) -> list[Row]:
    """The rows called as the study calls their run; those of a first phase have its encoding behind the name."""
    last = next(row.run for row in reversed(rows) if not row.is_baseline)
    return [row if row.is_baseline else dataclasses.replace(row, run=name + row.run.removeprefix(last)) for row in rows]


def _json(path: Path) -> dict[str, Any]:
    try:
        item = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise ReportError(f'{path}: damaged, not JSON ({error}).') from None
    if not isinstance(item, dict):
        raise ReportError(f'{path}: wanted an object, got {type(item).__name__}.')
    return item
