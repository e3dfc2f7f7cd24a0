"""task.json: what the numbers in the rows of a run mean. The run writes it, from what its task says of itself.

{"task": "retrieval/flip_flop",                       the `task` of its rows
 "length_unit": "tokens",                             optional: what a length counts
 "metrics": {"error": {"unit": "of read bits",        a noun ("nats per token"), or words with `of` or `per`, or ""
                       "better": "lower",             or "higher"
                       "decides": true,               of exactly one: it ranks runs and gives verdicts
                       "share": true}},               optional: it goes from 0 to 1
 "protocols": {"sparse": {"label": "sparse", "scores": "every read bit of sequences that ..."}},  the first is the main
 "chance": "a coin toss, on every read bit",           optional: what chance knows, and which targets it covers
 "figures": {"confusion": {"kind": "matrix", ...}}}   optional; see kinds.py

The rows' metrics are named protocol/metric; metric_at_position is one by place in the sequence.
"""

import dataclasses
import json
import math
from pathlib import Path

from posbench.report import kinds
from posbench.report.rows import ReportError

NAME = 'task.json'


@dataclasses.dataclass(frozen=True)
class Metric:
    """A number's name, its unit, and whether less or more of it is better; a `share` goes from 0 to 1."""

    name: str
    unit: str
    better: str
    decides: bool = False
    share: bool = False

    @property
    def words(self) -> str:
        """The name as prose has it."""
        return self.name.replace('_', ' ')

    @property
    def phrase(self) -> str:
        """Name and unit: 'bits per character', 'loss in nats per token', 'error of read bits'."""
        return named(self.words, self.unit)

    @property
    def digits(self) -> int:
        """Decimals that a sentence has room for."""
        return 3 if self.share else 2

    @property
    def lower(self) -> bool:
        """Whether less is better."""
        return self.better == 'lower'

    def is_better(self, value: float, other: float) -> bool:
        """Whether the first value is better than the second; False where one is not a number."""
        return value < other if self.lower else value > other

    def badness(self, value: float) -> tuple[bool, float]:
        """Sorts values from the best to the worst, those that are no numbers behind all others."""
        if not math.isfinite(value):
            return True, 0.0
        return False, value if self.lower else -value


@dataclasses.dataclass(frozen=True)
class Protocol:
    """Which targets a length is scored on: a short label, and a sentence."""

    label: str
    scores: str


@dataclasses.dataclass(frozen=True)
class Task:
    """What the rows of one task mean. Two runs of it have to agree in everything here."""

    name: str
    metrics: dict[str, Metric]
    protocols: dict[str, Protocol]
    length_unit: str = ''
    chance: str = ''

    @property
    def deciding(self) -> Metric:
        """The metric that ranks runs and gives verdicts."""
        return next(metric for metric in self.metrics.values() if metric.decides)

    @property
    def loss(self) -> Metric:
        """What training minimises."""
        return self.metrics.get('loss', Metric('loss', 'nats per target', 'lower'))

    @property
    def main(self) -> str:
        """The first protocol."""
        return next(iter(self.protocols))

    def scored(self, metric: str) -> bool:
        """Whether a row's metric is one that a protocol gave."""
        return metric.partition('/')[0] in self.protocols

    def row(self, protocol: str, metric: Metric | None = None) -> str:
        """A metric as rows name it; the deciding one if none is given."""
        return f'{protocol}/{(metric or self.deciding).name}'


def named(words: str, unit: str) -> str:
    """What is measured, with its unit."""
    if not unit or unit == words:
        return words
    return f'{words} {unit}' if unit.startswith(('of ', 'per ')) else f'{words} in {unit}'


def read(folder: Path) -> tuple[Task, dict[str, dict]]:
    """The task of a run folder and its figures by name; raises ReportError in one line."""
    path = folder / NAME
    if not path.is_file():
        raise ReportError(
            f'{path}: there is none, and the rows beside it do not say what their numbers mean; '
            f'`python launch.py --mode=evaluate --workdir={folder}` writes it anew.'
        )
    try:
        item = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ReportError(f'{path}: damaged, not JSON ({error}).') from None
    try:
        return _task(item), _figures(item)
    except ValueError as error:
        raise ReportError(f'{path}: {error}') from None


def check_rows(folder: Path, task: Task, names: list[str | None]) -> None:
    """ReportError where the rows of a folder are of another task than its task.json."""
    others = [name for name in names if name != task.name]
    if others:
        raise ReportError(f'{folder / NAME}: task is {task.name!r}, that of the rows {others[0]!r}.')


def agree(parts: list[tuple[str, Task]]) -> None:
    """ReportError where two runs, each with its folder, say different things of one task."""
    first: dict[str, tuple[str, Task]] = {}
    for where, task in parts:
        place, known = first.setdefault(task.name, (where, task))
        for field in dataclasses.fields(Task):
            # Dicts that differ in their order alone: another main protocol is another ranking.
            here, there = (repr(getattr(one, field.name)) for one in (task, known))
            # Runs of before the key do not say what chance covers.
            if field.name == 'chance' and not (task.chance and known.chance):
                continue
            if here != there:
                raise ReportError(f'{NAME} of {where} and of {place}: other {field.name} of {task.name}: '
                                  f'{_difference(here, there)}.')  # fmt: skip


def _difference(here: str, there: str) -> str:
    """The first place where two texts part, with what follows in each."""
    start = next((i for i, (a, b) in enumerate(zip(here, there)) if a != b), min(len(here), len(there)))
    start = max(0, start - 30)
    return f'{here[start : start + 60]!r} and {there[start : start + 60]!r}'


def _task(item) -> Task:
    _keys('task.json', item, ('task', 'metrics', 'protocols'), ('figures', 'length_unit', 'chance'))
    metrics = {name: _metric(name, found) for name, found in _named('metrics', item['metrics']).items()}
    deciding = [name for name, metric in metrics.items() if metric.decides]
    if len(deciding) != 1:
        raise ValueError(f'metrics: {len(deciding)} of {", ".join(metrics)} say decides, wanted one.')
    protocols = {}
    for name, found in _named('protocols', item['protocols']).items():
        _keys(f'protocols.{name}', found, ('label', 'scores'))
        protocols[name] = Protocol(
            _text(f'protocols.{name}.label', found['label']),
            _text(f'protocols.{name}.scores', found['scores']).strip().removesuffix('.'),
        )
    unit, chance = (_text(name, item[name]) if name in item else '' for name in ('length_unit', 'chance'))
    return Task(_text('task', item['task']), metrics, protocols, unit, chance)


def _metric(name: str, item) -> Metric:
    where = f'metrics.{name}'
    _keys(where, item, ('unit', 'better'), ('decides', 'share'))
    if item['better'] not in ('lower', 'higher'):
        raise ValueError(f'{where}.better is {item["better"]!r}, wanted lower or higher.')
    flags = {flag: item.get(flag, False) for flag in ('decides', 'share')}
    for flag, value in flags.items():
        if not isinstance(value, bool):
            raise ValueError(f'{where}.{flag} is {value!r}, wanted true or false.')
    return Metric(name, _text(f'{where}.unit', item['unit']), item['better'], **flags)


def _figures(item: dict) -> dict[str, dict]:
    figures = item.get('figures', {})
    if not isinstance(figures, dict):
        raise ValueError(f'figures is {type(figures).__name__}, wanted an object of figures by name.')
    for name, figure in figures.items():
        try:
            kinds.check_figure(figure)
        except ValueError as error:
            raise ValueError(f'figures.{name}: {error}') from None
    return figures


def _named(where: str, item) -> dict:
    if not isinstance(item, dict) or not item:
        raise ValueError(f'{where} is {item!r:.60}, wanted an object with at least one name.')
    return item


def _keys(where: str, item, wanted: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
    if not isinstance(item, dict):
        raise ValueError(f'{where}: got {type(item).__name__}, wanted an object with {", ".join(wanted)}.')
    missing = [key for key in wanted if key not in item]
    unknown = [key for key in item if key not in (*wanted, *optional)]
    if missing or unknown:
        parts = [f'{what} {", ".join(keys)}' for what, keys in (('missing', missing), ('unknown', unknown)) if keys]
        raise ValueError(f'{where}: {"; ".join(parts)}; wanted {", ".join((*wanted, *optional))}.')


def _text(where: str, item) -> str:
    if not isinstance(item, str):
        raise ValueError(f'{where} is {item!r:.60}, wanted a text.')
    return item
