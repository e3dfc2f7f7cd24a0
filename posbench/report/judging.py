"""What claims are judged by: values of runs by seed, found among rows, and verdicts with their evidence.

A claim of a mean is judged by the mean over seeds, whose 95 % interval stands in the evidence; one of a difference says
whether its interval has to leave out 0. Differences and ratios are paired: seed by seed, on the same batches.
"""

import contextlib
import math
from collections.abc import Callable, Iterable

from posbench.report import statistics
from posbench.report.rows import Row
from posbench.report.statistics import Summary

Seeds = dict[int | None, float]


class Cells:
    """Values by run, metric and length, of one split. A KeyError says which one is missing."""

    def __init__(self, rows: Iterable[Row], split: str | None = None):
        rows = list(rows)
        # Where nothing else was scored the validation data are what was asked for.
        split = split or ('test' if any(row.split == 'test' and not row.is_baseline for row in rows) else 'validation')
        self._values: dict[tuple[str, str, int | None], Seeds] = {}
        self._chance: dict[tuple[str, str, int | None], float] = {}
        self._trained: dict[str, int] = {}
        for row in rows:
            if row.split != split or row.is_baseline or row.value is None:
                continue
            cell = row.run, row.metric, row.length
            self._values.setdefault(cell, {})[row.seed] = row.value
            if row.chance is not None:
                self._chance[cell] = row.chance
            if row.train_length is not None:
                self._trained[row.run] = row.train_length

    def at(self, run: str, metric: str, length: int) -> Seeds:
        """The value of each seed at a length."""
        return self._values[run, metric, length]

    def times(self, run: str, metric: str, multiple: float) -> Seeds:
        """The value of each seed at a multiple of the training length."""
        return self.at(run, metric, round(multiple * self.trained(run)))

    def over(self, run: str, metric: str, lengths: Iterable[int] | None = None) -> Seeds:
        """The mean of each seed over lengths; None: all that are longer than the training length."""
        found = [self.at(run, metric, length) for length in lengths or self.unseen(run, metric)]
        return mean_of(found)

    def unseen(self, run: str, metric: str) -> list[int]:
        """The lengths that were scored beyond the training length. KeyError where there are none."""
        limit = self.trained(run)
        lengths = sorted(
            length for name, of, length in self._values if (name, of) == (run, metric) and length and length > limit
        )
        if not lengths:
            raise KeyError((run, metric, 'lengths beyond training'))
        return lengths

    def metrics(self, run: str, start: str) -> list[str]:
        """Those of a run that begin like that. KeyError where there are none."""
        found = sorted({metric for name, metric, _ in self._values if name == run and metric.startswith(start)})
        if not found:
            raise KeyError((run, start))
        return found

    def trained(self, run: str) -> int:
        """The training length."""
        return self._trained[run]

    def chance(self, run: str, metric: str, lengths: Iterable[int]) -> float:
        """What chance has, the mean over lengths."""
        found = [self._chance[run, metric, length] for length in lengths]
        return sum(found) / len(found)


def mean_of(several: Iterable[Seeds]) -> Seeds:
    """Seed by seed, of the seeds that all have. KeyError where there is none."""
    several = list(several)
    shared = _shared(*several)
    return {seed: sum(one[seed] for one in several) / len(several) for seed in shared}


def difference(a: Seeds, b: Seeds) -> Seeds:
    """a - b, seed by seed."""
    return {seed: a[seed] - b[seed] for seed in _shared(a, b)}


def ratio(a: Seeds, b: Seeds) -> Seeds:
    """a / b, seed by seed; infinite, or NaN for 0 / 0, where b is 0."""
    return {seed: a[seed] / b[seed] if b[seed] else math.copysign(math.inf, a[seed]) if a[seed] else math.nan
            for seed in _shared(a, b)}  # fmt: skip


def _shared(*several: Seeds) -> list:
    shared = [seed for seed in several[0] if all(seed in one for one in several)] if several else []
    if not shared:
        raise KeyError('seeds that all have')
    return shared


def mean(values: Seeds) -> float:
    """Over seeds."""
    return summary(values).mean


def summary(values: Seeds) -> Summary:
    """Mean and interval over seeds."""
    return statistics.summarize([values[seed] for seed in sorted(values)])


def said(values: Seeds, digits: int = 3, unit: str = '') -> str:
    """'0.512 [0.498, 0.530]'; without an interval where there are too few seeds for one."""
    found = summary(values)
    if found.low is None:
        return f'{found.mean:.{digits}f}{unit}'
    return f'{found.mean:.{digits}f}{unit} [{found.low:.{digits}f}, {found.high:.{digits}f}]'


def each(named: dict[str, Seeds], digits: int = 3, unit: str = '') -> str:
    """Several of them, by name: 'rope 0.512 [0.498, 0.530], alibi ...'."""
    return ', '.join(f'{name} {said(values, digits, unit)}' for name, values in named.items())


class Verdicts:
    """Collects the verdicts on claims; a claim whose rows are missing is left out."""

    def __init__(self):
        self.found: list[dict] = []

    def judge(self, claim: str, of: Callable[[], tuple[bool, str]], *runs: str) -> None:
        """Asks `of` whether a claim about `runs` holds, and for the evidence; a NaN holds nothing."""
        with contextlib.suppress(KeyError):
            holds, evidence = of()
            verdict = 'PASS' if holds else 'FAIL'
            self.found.append(dict(claim=claim, verdict=verdict, evidence=evidence, runs=list(runs)))
