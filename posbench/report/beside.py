"""The numbers of a paper's table with ours and chance beside them."""

import dataclasses
from collections.abc import Iterable
from typing import NamedTuple

from posbench.report import judging
from posbench.report.published import Number, Published
from posbench.report.rows import Row
from posbench.report.statistics import Summary

UNSEEN = 'unseen'  # the mean over all lengths beyond the training length


@dataclasses.dataclass(frozen=True)
class Match:
    """How a study's rows answer to the cells of a table, whose runs are called as those of the study.

    lengths: the paper's length -> ours as a multiple of the training length, several, whose mean it is, or UNSEEN. One
      that is not in it is one that we have not; None, not an empty dict: lengths are the same in both.
    metrics: what rows call a metric of the paper that is not our own; other metrics have one name.
    """

    lengths: dict[int | None, float | tuple[float, ...] | str] | None = None
    metrics: dict[str, str] = dataclasses.field(default_factory=dict)


class Line(NamedTuple):
    """A cell of a table. ours: over seeds, in the unit of the paper; None where we have no such row, or no chance."""

    number: Number
    ours: Summary | None
    chance: float | None


def lines(table: Published, rows: Iterable[Row], match: Match) -> list[Line]:
    """Every cell of the table, in its order."""
    cells = judging.Cells(rows)
    return [_line(number, cells, match) for number in table.cells]


def _line(number: Number, cells: judging.Cells, match: Match) -> Line:
    metric = match.metrics.get(number.metric, number.metric)
    # A share of errors is what is left of that of exact matches.
    errs = metric.endswith('/error')
    for name in (metric, metric.replace('/error', '/exact_match') if errs else metric):
        try:
            lengths = _lengths(number, name, cells, match)
            ours = cells.over(number.run, name, lengths)
        except KeyError:
            continue
        turned, times = name != metric, 100.0 if number.unit == '%' else 1.0

        def printed(value, turned=turned, times=times):
            return times * (1 - value if turned else value)

        summary = judging.summary({seed: printed(value) for seed, value in ours.items()})
        try:
            chance = printed(cells.chance(number.run, name, lengths))
        except KeyError:
            chance = None
        return Line(number, summary, chance)
    return Line(number, None, None)


def _lengths(number: Number, metric: str, cells: judging.Cells, match: Match) -> list[int]:
    if match.lengths is None:
        return cells.unseen(number.run, metric) if number.length is None else [number.length]
    multiples = match.lengths[number.length]
    if multiples == UNSEEN:
        return cells.unseen(number.run, metric)
    multiples = multiples if isinstance(multiples, tuple) else (multiples,)
    return [round(multiple * cells.trained(number.run)) for multiple in multiples]
