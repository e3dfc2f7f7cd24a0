"""Chance-normalised scores of the cells of a field, and views of it: which cells count, and who has all of them.

A score is 0 at chance and 1 where nothing is wrong, so that tasks can be averaged. A failure (not a number at a
length, or a run that ended without results) scores as the worst of its cell does, and as chance at best: failing is
never better than being wrong.
"""

import dataclasses
import functools
import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

from posbench.report import texts
from posbench.report.leaderboard.entrants import Entrant, Field
from posbench.report.leaderboard.problems import Problem
from posbench.report.statistics import skill
from posbench.report.task import Metric

BEYOND, AT = 'beyond', '1×'
MANY = 5  # names in a sentence; of more it has their number

# (entrant, problem, length)
Key = tuple[str, str, int]


class Failure(NamedTuple):
    """Why a cell has no number, or not of all seeds; `whole` where it has none."""

    words: str
    whole: bool


@dataclasses.dataclass(frozen=True)
class Scores:
    """`cells` hold a score a seed; in those of `failures` some seeds failed."""

    field: Field
    cells: dict[Key, dict[int | None, float]]
    failures: dict[Key, Failure]

    @functools.cached_property
    def problems(self) -> dict[str, Problem]:
        return {problem.label: problem for problem in self.field.problems}

    @functools.cached_property
    def multiples(self) -> list[str]:
        """Length multiples of all problems, ascending; the first unseen length has its own name."""
        found = {problem.board.multiple(n): n / problem.board.train_length
                 for problem in self.field.problems for n in problem.lengths}  # fmt: skip
        return sorted(found, key=found.get)

    def lengths(self, problem: Problem, which: str) -> list[int]:
        """The lengths of a problem that a view is about: all longer ones, or those of one multiple."""
        if which == BEYOND:
            return [n for n in problem.lengths if n > problem.board.train_length]
        return [n for n in problem.lengths if problem.board.multiple(n) == which]

    def mean(self, key: Key) -> float | None:
        """Mean over seeds."""
        found = self.cells.get(key)
        return sum(found.values()) / len(found) if found else None


@dataclasses.dataclass(frozen=True)
class View:
    """The cells that count: lengths and seeds by problem, as many seeds of each; and who has all of them.

    `unranked` has for everybody else the problems that they lack; `left_out` says what else does not count, and why.
    """

    scores: Scores
    which: str
    cells: dict[str, list[int]]
    seeds: dict[str, list[int | None]]
    ranked: list[str]
    unranked: dict[str, list[str]]
    left_out: list[str]

    def of(self, entrant: str) -> dict[str, list[float]]:
        """By problem, a score a seed: the mean over the lengths that count, for they are of one trained model."""
        found = {}
        for problem, lengths in self.cells.items():
            by_length = [self.scores.cells[entrant, problem, n] for n in lengths]
            found[problem] = [sum(cell[seed] for cell in by_length) / len(by_length) for seed in self.seeds[problem]]
        return found

    @property
    def count(self) -> int:
        """How many cells each entrant has."""
        return sum(map(len, self.cells.values()))


def score(field: Field) -> Scores:
    """Normalises every value of every main protocol; a cell whose chance is not known has no score."""
    cells: dict[Key, dict] = {}
    broken: dict[Key, dict[int | None, str]] = {}
    for problem in field.problems:
        metric = problem.board.task.row(problem.protocol)
        for entrant, n in itertools.product(field.entrants, problem.lengths):
            key = entrant.name, problem.label, n
            reason = entrant.failed.get(problem.label)
            if reason is not None:
                broken[key] = dict.fromkeys(_seeds(problem), reason)
            for row in problem.board.cell(entrant.runs.get(problem.label), metric, n):
                chance = problem.board.chance(row.run, metric, n) if row.chance is None else row.chance
                if not math.isfinite(row.value):
                    broken.setdefault(key, {})[row.seed] = str(row.value)
                elif (found := normalised(problem.board.metric, row.value, chance)) is not None:
                    cells.setdefault(key, {})[row.seed] = found
    worst: dict[tuple[str, int], float] = {}
    for (_, *place), found in cells.items():
        worst[tuple(place)] = min(0.0, worst.get(tuple(place), 0.0), *found.values())
    words = {}
    for key, seeds in broken.items():
        whole = cells.setdefault(key, {})
        whole.update(dict.fromkeys(seeds, worst.get(key[1:], 0.0)))
        cells[key] = {seed: whole[seed] for seed in sorted(whole, key=_by_seed)}
        words[key] = _failure(list(seeds.values()), len(whole))
    return Scores(field, cells, words)


def normalised(metric: Metric, value: float, chance: float | None) -> float | None:
    """A value on the way from chance to where nothing is wrong: 1 of a share, 0 of an error or a loss.

    None where either end is not known: chance, or the best value of a metric that is no share and better when higher.
    """
    if chance is None or not (metric.share or metric.lower):
        return None
    found = skill.skill(value, chance, 0.0 if metric.lower else 1.0)
    return found if math.isfinite(found) else None


def view(scores: Scores, which: str = BEYOND, problems: Sequence[str] | None = None) -> View:
    """The cells of one kind of length that can be compared: those that all who are ranked have.

    Everybody is ranked over what all have where that is at least half of the tasks; else those, over those tasks, that
    make the most comparisons of two.
    """
    wanted = {label: scores.lengths(problem, which) for label, problem in scores.problems.items()
              if problems is None or label in problems}  # fmt: skip
    names = [entrant.name for entrant in scores.field.entrants]
    has = {
        name: {label: {n for n in lengths if (name, label, n) in scores.cells} for label, lengths in wanted.items()}
        for name in names
    }
    left_out = [f'{label} ({_no_score(which, lengths)}).' for label, lengths in wanted.items()
                if not any(has[name][label] for name in names)]  # fmt: skip
    wanted = {label: lengths for label, lengths in wanted.items() if any(has[name][label] for name in names)}
    ranked, chosen = _block(names, {name: {label for label in wanted if has[name][label]} for name in names}, wanted)
    cells = {label: [n for n in wanted[label] if all(n in has[name][label] for name in ranked)] for label in chosen}
    cells = {label: lengths for label, lengths in cells.items() if lengths}
    seeds = {label: _common(scores, label, lengths, ranked) for label, lengths in cells.items()}
    cells = {label: lengths for label, lengths in cells.items() if seeds[label]}
    few = min((len(seeds[label]) for label in cells), default=0)
    ranked = ranked if cells else []
    for label, lengths in wanted.items():
        torn: dict[str, list[str]] = {}
        for n in (n for n in lengths if n not in cells.get(label, [])):
            without = [name for name in names if n not in has[name][label]]
            who = texts.listed(without) if len(without) <= MANY else texts.count(len(without), 'encoding')
            who = f'{who} {"lacks" if len(without) == 1 else "lack"} it' if without else 'no seed is in all of it'
            torn.setdefault(who, []).append(f'{n:,}')
        left_out += [f'{label} at {texts.listed(found)} ({who}).' for who, found in torn.items()]
    for label in cells:
        cut = sorted({seed for name in ranked for n in cells[label] for seed in scores.cells[name, label, n]}
                     - set(seeds[label][:few]), key=_by_seed)  # fmt: skip
        if cut:
            left_out.append(f'{label}, seeds {", ".join(map(str, cut))} (not everybody has as many).')
    unranked = {name: [label for label in cells if not has[name][label]] for name in names if name not in ranked}
    return View(scores, which, cells, {label: seeds[label][:few] for label in cells}, ranked, unranked, left_out)


def _no_score(which: str, lengths: list[int]) -> str:
    """Why nobody has a score of a problem."""
    if not lengths:
        return 'not scored beyond its training length' if which == BEYOND else f'not scored at {which}'
    return 'no score, because chance is not known, or nobody can say what its best value is'


def _common(scores: Scores, label: str, lengths: list[int], names: list[str]) -> list[int | None]:
    """The seeds that all have at all lengths."""
    return sorted(set.intersection(*(set(scores.cells[name, label, n]) for name in names for n in lengths)),
                  key=_by_seed)  # fmt: skip


def _by_seed(seed: int | None) -> tuple:
    return seed is None, seed or 0


def _block(names: list[str], has: dict[str, set[str]], problems: dict) -> tuple[list[str], list[str]]:
    """Who is ranked, over which problems."""
    present = [name for name in names if has[name]]
    shared = set.intersection(*(has[name] for name in present)) if present else set()
    if 2 * len(shared) >= len(problems):
        return present, [label for label in problems if label in shared]
    candidates = {frozenset(has[a] & has[b]) for a in present for b in present} - {frozenset()}

    def size(chosen: frozenset) -> tuple:
        amount = sum(chosen <= has[name] for name in present)
        return amount * (amount - 1) * len(chosen), amount * len(chosen), sorted(chosen)

    best = max(candidates, key=size, default=frozenset())
    return [name for name in present if best and best <= has[name]], [label for label in problems if label in best]


def _seeds(problem: Problem) -> list[int | None]:
    """All seeds that anybody has in a problem."""
    return sorted({row.seed for row in problem.board.rows}, key=_by_seed)


def _failure(reasons: list[str], seeds: int) -> Failure:
    """'nan', or 'nan in 2 of 5 seeds'."""
    often = {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)}
    if list(often.values()) == [seeds]:
        return Failure(next(iter(often)), True)
    words = ', '.join(f'{reason} in {amount} of {texts.count(seeds, "seed")}' for reason, amount in often.items())
    return Failure(words, len(reasons) == seeds)


def failed_of(scores: Scores, entrant: Entrant) -> list[str]:
    """What failed of an entrant: a phrase for each run without results, and one for each way to be no number."""
    found = [f'{label}: {reason}' for label, reason in [*entrant.failed.items(), *entrant.lacking.items()]]
    places: dict[str, dict[str, list[str]]] = {}
    for (name, label, n), failure in scores.failures.items():
        if name == entrant.name and label in entrant.runs:
            places.setdefault(failure.words, {}).setdefault(label, []).append(f'{n:,}')
    for words, by_task in places.items():
        if len(by_task) > 2:
            found.append(f'{words} on {texts.count(len(by_task), "task")}')
        else:
            found += [f'{label}: {words} at {texts.listed(lengths)}' for label, lengths in by_task.items()]
    return found
