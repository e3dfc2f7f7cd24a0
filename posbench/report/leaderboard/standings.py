"""Who stands where, by the cells of a view: means and ranks with intervals, and what can be told apart.

Two questions, and a test for each. Would other seeds give the same on these tasks: intervals, ranges of ranks and the
letters are about that. Would other tasks: Friedman's test and the critical difference, by ranks, a block a task.
"""

import dataclasses
import itertools
import math

import numpy as np

from posbench.report.leaderboard.scores import View
from posbench.report.statistics import (
    MIN_SEEDS,
    Summary,
    aggregate,
    friedman,
    improvement,
    letters,
    paired,
    ranks,
    strata,
)
from posbench.report.statistics import profiles as profiles_lib

ALPHA = 0.05
TAUS = 61


@dataclasses.dataclass(frozen=True)
class Place:
    """`best` and `worst` are the ends of the interval of the rank; None where there is none."""

    entrant: str
    score: Summary
    rank: float
    best: float | None
    worst: float | None
    letters: str = ''


@dataclasses.dataclass(frozen=True)
class Pair:
    """`first` has the higher score; `p` is corrected by Holm, over all pairs of the view."""

    first: str
    second: str
    improvement: Summary
    difference: strata.Difference
    wins: int
    ties: int
    losses: int
    p: float


@dataclasses.dataclass(frozen=True)
class Critical:
    """Mean ranks over tasks, by entrant, ascending; `groups` are the runs of neighbours that cannot be told apart."""

    ranks: dict[str, float]
    difference: float
    tasks: int
    test: friedman.Friedman
    groups: list[list[str]]


def values(view: View) -> np.ndarray:
    """value_ETS of those who are ranked, over the mean of each task's lengths."""
    return np.array([list(view.of(name).values()) for name in view.ranked], np.float64)


def places(view: View) -> list[Place]:
    """From the best to the worst; ties by name. Letters from MIN_SEEDS seeds on."""
    if not view.ranked:
        return []
    value_ETS = values(view)
    ranges = ranks.ranges(value_ETS)
    order = sorted(range(len(ranges)), key=lambda e: (ranges[e].rank, view.ranked[e]))
    groups = letters.letters(_different(value_ETS[order])) if value_ETS.shape[2] >= MIN_SEEDS else [''] * len(order)
    return [
        Place(view.ranked[e], aggregate.mean(value_ETS[e]), ranges[e].rank, ranges[e].low, ranges[e].high, own)
        for e, own in zip(order, groups)
    ]


def pairs(view: View) -> list[Pair]:
    """All pairs of those who are ranked, from the best to the worst; none below MIN_SEEDS."""
    if len(view.ranked) < 2 or any(len(seeds) < MIN_SEEDS for seeds in view.seeds.values()):
        return []
    order = [place.entrant for place in places(view)]
    value_ETS = values(view)[[view.ranked.index(name) for name in order]]
    better, tested = improvement.matrix(value_ETS), _tested(value_ETS)
    found = []
    for (a, b), (apart, p) in tested.items():
        by_task = np.round(value_ETS[a].mean(axis=1) - value_ETS[b].mean(axis=1), 12)
        won, lost = int((by_task > 0).sum()), int((by_task < 0).sum())
        found.append(Pair(order[a], order[b], better[a][b], apart, won, len(by_task) - won - lost, lost, p))
    return found


def _tested(value_ETS: np.ndarray) -> dict[tuple[int, int], tuple[strata.Difference, float]]:
    """The difference of every pair, with its p corrected over all of them."""
    indices = list(itertools.combinations(range(len(value_ETS)), 2))
    found = [strata.test(value_ETS[a] - value_ETS[b]) for a, b in indices]
    corrected = paired.holm([one.p for one in found]) if found else []
    return {pair: (one, float(p)) for pair, one, p in zip(indices, found, corrected)}


def _different(value_ETS: np.ndarray) -> np.ndarray:
    """different_EE: which pairs are told apart."""
    found = np.zeros((len(value_ETS), len(value_ETS)), bool)
    for (a, b), (_, p) in _tested(value_ETS).items():
        found[a, b] = found[b, a] = p < ALPHA
    return found


def critical(view: View) -> Critical | None:
    """None below three entrants or two tasks, where there is nothing to test."""
    if len(view.ranked) < 3 or len(view.cells) < 2:
        return None
    value_ET = values(view).mean(axis=2)
    rank_E = ranks.average(value_ET).mean(axis=1)
    order = sorted(range(len(rank_E)), key=lambda e: (rank_E[e], view.ranked[e]))
    apart = friedman.critical_difference(*value_ET.shape, ALPHA)
    different_EE = friedman.different(value_ET, ALPHA)
    groups: list[list[int]] = []
    for i, first in enumerate(order):
        group = list(itertools.takewhile(lambda e, first=first: not different_EE[first, e], order[i:]))
        if len(group) > 1 and not any(set(group) <= set(other) for other in groups):
            groups.append(group)
    return Critical(
        ranks={view.ranked[e]: float(rank_E[e]) for e in order},
        difference=float(apart),
        tasks=len(view.cells),
        test=friedman.test(value_ET),
        groups=[[view.ranked[e] for e in group] for group in groups],
    )


def profiles(view: View) -> dict[str, profiles_lib.Profile]:
    """The share of a task's scores, over lengths and seeds, above each threshold; each cell counts for itself."""
    by_name = {}
    for name in view.ranked:
        seeds = {problem: view.seeds[problem] for problem in view.cells}
        cells = [[view.scores.cells[name, problem, n][seed] for seed in seeds[problem]]
                 for problem, lengths in view.cells.items() for n in lengths]  # fmt: skip
        by_name[name] = np.array(cells, np.float64)
    if not by_name:
        return {}
    low = min(0.0, *(float(value_CS.min()) for value_CS in by_name.values()))
    threshold_K = np.linspace(math.floor(max(low, -1.0) * 10) / 10, 1.0, TAUS)
    return {name: profiles_lib.profile(value_CS, threshold_K) for name, value_CS in by_name.items()}
