"""A board: all runs of one task that were trained at one length, with what follows from their numbers."""

import dataclasses
import functools
import math
from collections.abc import Sequence

from posbench import failures
from posbench.report import noise, statistics, verdicts
from posbench.report.folder import Run, Study
from posbench.report.rows import BASELINE, Row
from posbench.report.task import Metric, Task
from posbench.report.verdicts import Point, Verdict

# The end of the name of a metric by place in the sequence.
AT_POSITION = '_at_position'


@dataclasses.dataclass(frozen=True)
class Board:
    """Rows of one (task, training length). `split` is what the length table is about; other splits are only listed."""

    task: Task
    train_length: int | None
    split: str | None
    runs: list[str]
    baselines: dict[str, list[float]]
    rows: list[Row]
    parts: dict[str, noise.Parts]
    # Runs without results that would have some here, and the word for what became of each.
    failed: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def metric(self) -> Metric:
        """The metric that decides."""
        return self.task.deciding

    @property
    def lengths(self) -> list[int]:
        """Every length that a protocol scored, ascending; the columns of the length table."""
        found = {n for _, split, metric, n in self.cells if split == self.split and self.task.scored(metric)}
        return sorted(found - {None})

    @functools.cached_property
    def cells(self) -> dict[tuple, list[Row]]:
        """Rows with a known value by (run, split, metric, length), each list ascending by seed."""
        found: dict[tuple, list[Row]] = {}
        for row in sorted(self.rows, key=lambda row: (row.seed is None, row.seed or 0)):
            if row.value is not None:
                found.setdefault((row.run, row.split, row.metric, row.length), []).append(row)
        return found

    def cell(self, run: str, metric: str, length: int | None) -> list[Row]:
        """Rows of one cell of the length table's split."""
        return self.cells.get((run, self.split, metric, length), [])

    def summary(self, run: str, metric: str, length: int | None) -> statistics.Summary | None:
        return statistics.summarize([row.value for row in self.cell(run, metric, length)])

    @property
    def placed(self) -> list[Metric]:
        """The metrics that rows give by place in the sequence, in the task's order; one it does not know is last."""
        names = {metric for _, split, metric, _ in self.cells if split == self.split and metric.endswith(AT_POSITION)}
        stems = {name.removesuffix(AT_POSITION) for name in names}
        known = {'loss': self.task.loss} | self.task.metrics
        others = {stem: Metric(stem, '', 'lower') for stem in sorted(stems - set(known))}
        return [metric for name, metric in (known | others).items() if name in stems]

    def positions(self, run: str, metric: str) -> list[int]:
        """Ends of the bins of a metric by position, ascending."""
        wanted = (run, self.split, metric + AT_POSITION)
        return sorted(n for *cell, n in self.cells if tuple(cell) == wanted and n is not None)

    def chance(self, run: str, metric: str, length: int | None) -> float | None:
        return next((row.chance for row in self.cell(run, metric, length) if row.chance is not None), None)

    def chances(self, run: str, metric: str) -> dict[int, float]:
        """What chance gives at each length where that is known."""
        found = {length: self.chance(run, metric, length) for length in self.lengths}
        return {length: chance for length, chance in found.items() if chance is not None}

    @functools.cached_property
    def guess(self) -> str:
        """The name of the reference model that chance is; '' where it is none of them."""
        main = self.task.row(self.task.main)
        chances = {chance for run in self.runs for chance in self.chances(run, main).values()}
        return next((name for name, values in self.baselines.items() if chances and chances <= set(values)), '')

    def seeds(self, run: str) -> list[int]:
        return sorted({row.seed for row in self.rows if row.run == run} - {None})

    def facts(self, run: str, name: str) -> list:
        """The distinct known values of one field of a run's rows, in order of appearance."""
        values = (getattr(row, name) for row in self.rows if row.run == run)
        return list(dict.fromkeys(value for value in values if value is not None))

    def multiple(self, length: int) -> str:
        """A length in units of the training length: 1×, first unseen, 2×, ..."""
        if self.train_length is None:
            return ''
        if length == self.train_length + 1:
            return 'first unseen'
        return f'{length / self.train_length:.3g}×'

    def point(self, run: str, protocol: str, length: int | None) -> Point | None:
        """The deciding metric at a length, with chance beside it."""
        metric = self.task.row(protocol)
        summary = self.summary(run, metric, length)
        return None if summary is None else Point(summary.mean, self.chance(run, metric, length))

    def measured(self, run: str, protocol: str, length: int | None) -> noise.Cell | None:
        """The deciding metric at a length by seed, with what is known of its noise."""
        metric, known = self.task.row(protocol), self.parts.get(run, {})
        by_seed = {row.seed: row.value for row in self.cell(run, metric, length)}
        parts = [known.get((self.split, metric, length, seed), []) for seed in by_seed]
        return noise.Cell(by_seed, parts) if by_seed else None

    def verdict(self, run: str, protocol: str) -> Verdict | None:
        """What happens beyond the training length; None where no longer length, or not the training's, was scored."""
        base = self.point(run, protocol, self.train_length) if self.train_length else None
        if base is None:
            return None
        longer = {n: self.point(run, protocol, n) for n in self.lengths if n > self.train_length}
        longer = {n: point for n, point in longer.items() if point is not None}
        # Of a model that was scored on two texts the better value, so that no run is called better by mistake.
        reference = {name: min(values, key=self.metric.badness) for name, values in self.baselines.items()}

        def half(length: int, a: float, b: float) -> float | None:
            terms = [(a, self.measured(run, protocol, length)), (b, self.measured(run, protocol, self.train_length))]
            return noise.half([(weight, cell) for weight, cell in terms if weight])

        return verdicts.judge(self.metric, self.train_length, base, longer, reference=reference, noise=half)


def boards(study: Study) -> list[Board]:
    """The boards of a study, runs sorted by the deciding metric at the training length; ties by name, unknown last."""
    tasks = {run.task.name: run.task for run in study.runs}
    groups: dict[tuple, list[Row]] = {}
    for row in (dataclasses.replace(row, run=run.name) for run in study.runs for row in run.rows):
        groups.setdefault((row.task, row.train_length), []).append(row)
    found = []
    for name, train_length in sorted(groups, key=lambda key: (key[0], key[1] is None, key[1] or 0)):
        task, rows = tasks[name], groups[name, train_length]
        split = _main_split(task, rows)
        board = Board(task, train_length, split, runs=[], baselines=_baselines(study, task, split), rows=rows,
                      parts={run.name: run.parts for run in study.runs if run.task.name == name})  # fmt: skip
        found.append(dataclasses.replace(board, runs=_sorted_runs(board, study.runs)))
    return [dataclasses.replace(board, failed=_failed(study, board, len(found) == 1)) for board in found]


def _failed(study: Study, board: Board, alone: bool) -> dict[str, str]:
    """The failed runs of a board: those with the task, the data and the training length of one that has results."""
    ours = [_about(run.config) for run in study.runs if run.name in board.runs and run.task.name == board.task.name]
    return {
        item['run']: word
        for item in study.failed
        if (word := failures.word(item)) and (alone or (_about(item['config']) or [None]) in ours)
    }


def _about(config: dict | None) -> list:
    """What of a config decides which board its rows go to; [] of one that is unknown, or of word vectors."""
    try:
        dataset = config['dataset'] and config['dataset']['name']
        return [config['task']['name'], config['task'].get('module'), dataset, config['train']['length']]
    except (AttributeError, KeyError, TypeError):
        return []


def _main_split(task: Task, rows: Sequence[Row]) -> str | None:
    """The split that was scored at most lengths: validation is scored at the training length alone."""
    lengths: dict[str | None, set] = {}
    for row in rows:
        lengths.setdefault(row.split, set()).update([row.length] if task.scored(row.metric) else [])
    return max(sorted(lengths, key=str), key=lambda split: (len(lengths[split]), split == 'test'))


def _sorted_runs(board: Board, runs: Sequence[Run]) -> list[str]:
    def quality(run: str) -> tuple:
        summary = board.summary(run, board.task.row(board.task.main), board.train_length)
        return summary is None, board.metric.badness(summary.mean if summary else math.nan), run

    present = {row.run for row in board.rows}
    return sorted(dict.fromkeys(run.name for run in runs if run.name in present), key=quality)


def _baselines(study: Study, task: Task, split: str | None) -> dict[str, list[float]]:
    """The deciding metric of each reference model; more than one value where folders scored different data."""
    found: dict[str, list[float]] = {}
    for row in study.baselines:
        if (row.task, row.split, row.metric) == (task.name, split, task.row(task.main)) and row.value is not None:
            found.setdefault(row.run.removeprefix(BASELINE), []).append(row.value)
    values = {name: sorted(set(values)) for name, values in sorted(found.items())}
    # From the worst to the best.
    return dict(sorted(values.items(), key=lambda item: max(map(task.deciding.badness, item[1])), reverse=True))
