"""A board: all runs that were trained at one length and scored on one text, with what follows from their numbers."""

import dataclasses
import functools
import math
from collections.abc import Sequence

from posbench.report import statistics
from posbench.report.folder import Run, Study
from posbench.report.rows import BASELINE, Row

# A protocol says which tokens a length is scored on.
PROTOCOLS = {'windows': 'windows', 'sliding': 'last tokens'}
EXPLAINED = {
    'windows': 'non-overlapping windows of that length, every token scored',
    'sliding': 'a sliding window of that length, only its last tokens scored: the same targets at every length',
}
MEASURES = {
    'bits_per_character': ('bits', 'per character'),
    'perplexity': ('perplexity', 'per token'),
    'loss': ('loss', 'nats per token'),
}
BY_POSITION = 'loss_at_position'

# Worst longer length against the training length, in bits per character. Written before any run was looked at.
HOLDS, DEGRADES = 1.05, 1.25
THRESHOLDS = (
    f'Verdicts compare the worst longer length with the training length. Holds: at most ×{HOLDS:.2f} the bits per '
    f'character. Degrades: at most ×{DEGRADES:.2f}. Falls apart: more than that, or worse than the unigram model, or '
    f'not a number. Diverged: not a number at the training length already.'
)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """`word` follows from `ratio`, the bits per character at the worst longer length over those at the training's."""

    word: str
    ratio: float
    worst: int


@dataclasses.dataclass(frozen=True)
class Board:
    """Rows of one (task, training length). `split` is the text of the length table; other splits are only listed."""

    task: str | None
    train_length: int | None
    split: str | None
    runs: list[str]
    baselines: dict[str, list[float]]
    rows: list[Row]

    @property
    def lengths(self) -> list[int]:
        """Every length that a protocol scored, ascending; the columns of the length table."""
        return sorted({length for _, split, metric, length in self.cells if split == self.split and _scored(metric)})

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

    def positions(self, run: str) -> list[int]:
        """Ends of the bins of the loss by position, ascending."""
        return sorted(
            n for name, split, metric, n in self.cells if (name, split, metric) == (run, self.split, BY_POSITION)
        )

    def chance(self, run: str, metric: str, length: int | None) -> float | None:
        return next((row.chance for row in self.cell(run, metric, length) if row.chance is not None), None)

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

    def verdict(self, run: str, protocol: str) -> Verdict | None:
        """What happens beyond the training length; None where no longer length, or not the training's, was scored."""
        metric = f'{protocol}/bits_per_character'
        base = self.summary(run, metric, self.train_length) if self.train_length else None
        if base is None:
            return None
        if not math.isfinite(base.mean):
            return Verdict('diverged', math.nan, self.train_length)
        longer = {n: self.summary(run, metric, n) for n in self.lengths if n > self.train_length}
        means = {n: summary.mean for n, summary in longer.items() if summary is not None}
        if not means:
            return None
        # NaN compares false with everything, so the order of badness is spelled out.
        worst = max(means, key=lambda n: (not math.isfinite(means[n]), means[n] if math.isfinite(means[n]) else 0))
        ratio, chance = means[worst] / base.mean, self.chance(run, metric, worst)
        if not math.isfinite(ratio) or ratio > DEGRADES or (chance is not None and means[worst] > chance):
            return Verdict('falls apart', ratio, worst)
        return Verdict('holds' if ratio <= HOLDS else 'degrades', ratio, worst)


def boards(study: Study) -> list[Board]:
    """The boards of a study, runs sorted by bits per character at the training length; ties by name, unknown last."""
    rows = [dataclasses.replace(row, run=run.name) for run in study.runs for row in run.rows]
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        groups.setdefault((row.task, row.train_length), []).append(row)
    found = []
    for key in sorted(groups, key=lambda key: [(part is None, part or 0) for part in key]):
        split = _main_split(groups[key])
        board = Board(*key, split, runs=[], baselines=_baselines(study.baselines, key[0], split), rows=groups[key])
        found.append(dataclasses.replace(board, runs=_sorted_runs(board, study.runs)))
    return found


def _scored(metric: str) -> bool:
    return metric.partition('/')[0] in PROTOCOLS


def _main_split(rows: Sequence[Row]) -> str | None:
    """The split that was scored at most lengths: validation is scored at the training length alone."""
    lengths: dict[str | None, set] = {}
    for row in rows:
        lengths.setdefault(row.split, set()).update([row.length] if _scored(row.metric) else [])
    return max(sorted(lengths, key=str), key=lambda split: (len(lengths[split]), split == 'test'))


def _sorted_runs(board: Board, runs: Sequence[Run]) -> list[str]:
    def quality(run: str) -> tuple:
        summary = board.summary(run, 'windows/bits_per_character', board.train_length)
        unknown, mean = summary is None, summary.mean if summary else math.nan
        return unknown, not math.isfinite(mean), mean if math.isfinite(mean) else 0, run

    present = {row.run for row in board.rows}
    return sorted((run.name for run in runs if run.name in present), key=quality)


def _baselines(rows: Sequence[Row], task: str | None, split: str | None) -> dict[str, list[float]]:
    """Bits per character of each reference model; more than one value where folders scored different text."""
    found: dict[str, list[float]] = {}
    for row in rows:
        if (row.task, row.split, row.metric) == (task, split, 'windows/bits_per_character') and row.value is not None:
            found.setdefault(row.run.removeprefix(BASELINE), []).append(row.value)
    return {name: sorted(set(values)) for name, values in sorted(found.items(), key=lambda item: -max(item[1]))}
