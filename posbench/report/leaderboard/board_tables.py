"""The tables of a leaderboard, as data."""

import dataclasses
import functools
import math

from posbench.report import numbers, statistics, tables, texts
from posbench.report.leaderboard import costs, standings
from posbench.report.leaderboard.entrants import OWN, UNKNOWN
from posbench.report.leaderboard.scores import AT, BEYOND, Scores, View, failed_of, view
from posbench.report.numbers import MISSING
from posbench.report.statistics import strata
from posbench.report.tables import Cell, Column, Table

LETTERS = 8
MECHANISM_WORDS = {
    'nothing': 'none', 'absolute': 'absolute', 'rotation': 'rotation', 'bias': 'bias', 'relative': 'relative',
    'content': 'content', 'plan': 'plan', OWN: OWN, UNKNOWN: UNKNOWN,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Results:
    """Everything that the page says about a field, computed once."""

    scores: Scores

    @functools.cached_property
    def main(self) -> View:
        """The view that ranks: all tasks, lengths beyond training; at the training length where there is none."""
        beyond = view(self.scores, BEYOND)
        return beyond if beyond.cells else view(self.scores, AT)

    @functools.cached_property
    def at(self) -> View:
        """At the training length."""
        return view(self.scores, AT)

    @functools.cached_property
    def ran(self) -> dict[str, list[str]]:
        """Who has rows of a problem, by its label."""
        return {label: [entrant.name for entrant in self.scores.field.entrants if label in entrant.runs]
                for label in self.scores.problems}  # fmt: skip

    @functools.cached_property
    def pairs(self) -> list[standings.Pair]:
        return standings.pairs(self.main)

    @functools.cached_property
    def places(self) -> list[standings.Place]:
        """Those who are ranked, from the best to the worst."""
        return standings.places(self.main)

    @functools.cached_property
    def places_at(self) -> list[standings.Place]:
        """Those who are ranked at the training length."""
        return standings.places(self.at)

    @functools.cached_property
    def order(self) -> list[str]:
        """All entrants: as they rank, then the others by name."""
        ranked = [place.entrant for place in self.places]
        return ranked + [entrant.name for entrant in self.scores.field.entrants if entrant.name not in ranked]

    @functools.cached_property
    def costs(self) -> dict[str, costs.Cost]:
        """By entrant, on the problems that are ranked; of who is not, on all."""
        problems = {label: self.scores.problems[label] for label in self.main.cells}
        return {
            entrant.name: costs.of(entrant, problems if entrant.name in self.main.ranked else self.scores.problems)
            for entrant in self.scores.field.entrants
        }


def rank(place: standings.Place | None) -> Cell:
    """'3', or '2 to 4' where other seeds might give other ranks; sorts by the rank itself."""
    if place is None:
        return Cell(MISSING)
    exact = {'rank': place.rank, 'low': place.best, 'high': place.worst}
    # Ends of an interval between two ranks are those ranks.
    ends = [] if place.best is None else [math.floor(place.best + 1e-9), math.ceil(place.worst - 1e-9)]
    text = f'{ends[0]}–{ends[1]}' if len(set(ends)) > 1 else f'{place.rank:g}'
    return Cell(text, sort=place.rank, exact=exact)


def group(place: standings.Place | None) -> Cell:
    """The letters; of more than anybody would compare by eye their number."""
    if place is None:
        return Cell('', word=True)
    few = len(place.letters) <= LETTERS
    return Cell(place.letters if few else f'{len(place.letters)} groups', word=True, exact=place.letters)


def leaderboard(results: Results) -> Table:
    """A row an encoding, the best first; those who lack tasks last, without a rank."""
    main, places = results.main, {place.entrant: place for place in results.places}
    at = {place.entrant: place for place in results.places_at}
    beyond = 'beyond training' if main.which == BEYOND else 'at training'
    columns = [Column('encoding', 'mechanism'), Column('rank', '95 %'), Column('group'), Column(beyond, 'score')]
    columns += [Column('at training', 'score')] if main.which == BEYOND else []
    devices = {device for cost in results.costs.values() for device in cost.devices}
    several = len(devices) != 1
    columns += [Column('tasks', 'seeds'), Column('parameters', 'of the encoding'), Column('FLOPs', 'a token'),
                Column('tokens/s', 'device' if several else next(iter(devices))), Column('failures')]  # fmt: skip
    rows = []
    for name in results.order:
        entrant = next(one for one in results.scores.field.entrants if one.name == name)
        place, cost = places.get(name), results.costs[name]
        flops = Cell(MISSING) if cost.flops is None else Cell(short(cost.flops), sort=cost.flops, exact=cost.flops)
        rows.append(
            [
                Cell(name, MECHANISM_WORDS[entrant.mechanism], word=True),
                rank(place),
                group(place),
                tables.value(place and place.score),
                *([tables.value(at[name].score if name in at else None)] if main.which == BEYOND else []),
                _behind(results, name),
                _parameters(cost),
                flops,
                _rate(cost, several),
                _failures(results, name),
            ]
        )
    return Table('Leaderboard', note(results.main), columns, rows)


def _parameters(cost: costs.Cost) -> Cell:
    """All parameters, and below how many of them the encoding has."""
    least, most = (cost.params[0], cost.params[-1]) if cost.params else (None, None)
    own = cost.encoding_params[-1] if cost.encoding_params else None
    exact = {'least': least, 'most': most, 'of the encoding': own}
    return Cell(_span(cost.params), _span(cost.encoding_params), least, exact=exact)


def _rate(cost: costs.Cost, several: bool) -> Cell:
    """Tokens a second, with the device where there are several."""
    if cost.rate is None:
        return Cell(MISSING)
    device = ', '.join(cost.devices)
    return Cell(f'{cost.rate:,.0f}', device if several else '', cost.rate, exact={'': cost.rate, 'device': device})


def _span(amounts: tuple[int, ...]) -> str:
    """The least and the most: tasks differ in their words, and so models in their tables."""
    ends = dict.fromkeys([amounts[0], amounts[-1]]) if amounts else {}
    return '–'.join(f'{amount:,}' for amount in ends) or MISSING


def _behind(results: Results, name: str) -> Cell:
    """How many tasks and seeds are behind the score; of who is not ranked, how many tasks there are."""
    main = results.main
    if name in main.ranked:
        seeds = {len(found) for found in main.seeds.values()}
        return Cell(f'{len(main.cells)}', texts.integers(seeds), len(main.cells))
    entrant = next(one for one in results.scores.field.entrants if one.name == name)
    return Cell(f'{len(entrant.runs)}', 'not ranked', len(entrant.runs))


def _failures(results: Results, name: str) -> Cell:
    entrant = next(one for one in results.scores.field.entrants if one.name == name)
    found = failed_of(results.scores, entrant)
    told = {**entrant.runs, **entrant.failed, **entrant.lacking}
    lacks = [label for label in results.scores.problems if label not in told]
    if lacks:
        found.append(f'not run: {texts.listed(lacks) if len(lacks) <= 2 else texts.count(len(lacks), "task")}')
    return Cell('; '.join(found), sort=float(len(found)), word=True)


def note(main: View) -> str:
    """What the scores of a view are of."""
    if not main.cells:
        return 'No task has a score of two encodings that could be compared.'
    lengths = {BEYOND: 'lengths beyond training', AT: 'the training length'}.get(main.which, f'length {main.which}')
    seeds = texts.integers({len(found) for found in main.seeds.values()})
    whose = f'the {len(main.ranked)} ranked have' if main.unranked else 'all have' if len(main.ranked) > 1 else 'it has'
    each = (
        f', {"each " if len(main.cells) > 1 else ""}by the mean over {lengths}'
        if main.which == BEYOND
        else f' at {lengths}'
    )
    tasks = texts.count(len(main.cells), 'task') if len(main.cells) > 1 else next(iter(main.cells))
    return (
        f'Mean score over {tasks}{each}: {texts.count(main.count, "cell")} that {whose}, {seeds} '
        f'{"seed" if seeds == "1" else "seeds"} each. 0 is chance, 1 is without fault.'
    )


def by_task(results: Results) -> Table:
    """Scores of every encoding on every task, in the lengths of the main view."""
    which, problems = results.main.which, results.scores.problems
    columns = [Column('encoding'), *(Column(*_label(label)) for label in problems)]
    rows = []
    for name in results.order:
        cells = []
        for label, problem in problems.items():
            keys = [(name, label, n) for n in results.scores.lengths(problem, which)]
            found = [results.scores.cells[key] for key in keys if key in results.scores.cells]
            if not found or len(found) < len(keys):
                lacks = f'{len(keys) - len(found)} of {texts.count(len(keys), "length")} missing' if found else ''
                cells.append(Cell(MISSING, lacks))
                continue
            seeds = [seed for seed in found[0] if all(seed in cell for cell in found)]
            means = [sum(cell[seed] for cell in found) / len(found) for seed in seeds]
            summary = statistics.summarize(means)
            failed = [results.scores.failures[key] for key in keys if key in results.scores.failures]
            if len(failed) == len(keys) and all(failure.whole for failure in failed):
                cells.append(Cell('failed', failed[0].words if name in results.ran[label] else '', summary.mean))
                continue
            spread = '' if summary.half is None else f'± {numbers.number(summary.half, 2)}'
            cells.append(Cell(numbers.number(summary.mean, 2), failed[0].words if failed else spread, summary.mean))
        rows.append([tables.name(name), *cells])
    said = 'beyond the training length' if which == BEYOND else 'at the training length'
    return Table('By task', f'Mean score of all lengths {said} ± half of the 95 % interval over seeds.', columns, rows)


def pairwise(results: Results) -> Table:
    """All pairs of those who are ranked."""
    columns = [Column('encoding'), Column('against'), Column('improves', 'probability'), Column('difference', 'score'),
               Column('tasks', 'won–tied–lost'), Column('p', 'Holm'), Column('told apart')]  # fmt: skip
    rows = [
        [
            tables.name(pair.first),
            tables.name(pair.second),
            tables.value(pair.improvement),
            _difference(pair.difference),
            Cell(
                f'{pair.wins}–{pair.ties}–{pair.losses}',
                sort=pair.wins - pair.losses,
                exact={'won': pair.wins, 'tied': pair.ties, 'lost': pair.losses},
            ),
            Cell(p_value(pair.p), sort=pair.p, exact=pair.p),
            Cell('yes' if pair.p < standings.ALPHA else 'no', word=True),
        ]
        for pair in results.pairs
    ]
    said = (
        'Probability that a seed of the first beats one of the second on a task drawn at random; the difference of '
        'their scores; tasks won, tied and lost by the mean over seeds. p is that of a paired t-test, the seeds of '
        'each task a stratum of their own (Welch and Satterthwaite), corrected by Holm over all pairs: would other '
        'seeds, on these tasks, show no difference?'
    )
    return Table('Pairs', said, columns, rows)


def _difference(found: strata.Difference) -> Cell:
    ends = f'[{numbers.number(found.low)}, {numbers.number(found.high)}]'
    exact = {'mean': found.mean, 'low': found.low, 'high': found.high}
    return Cell(numbers.number(found.mean), ends, found.mean, exact=exact)


def mean_ranks(found: standings.Critical) -> Table:
    """What the critical-difference diagram shows."""
    rows = [[tables.name(name), tables.number(rank, 2)] for name, rank in found.ranks.items()]
    return Table('Mean ranks', critical_words(found), [Column('encoding'), Column('mean rank')], rows)


def critical_words(found: standings.Critical) -> str:
    """Friedman's test and the critical difference in two sentences."""
    test = found.test
    return (
        f'Mean rank over {texts.count(found.tasks, "task")}, ties sharing a rank. Friedman: χ² {test.chi2:.1f}, '
        f'p {p_value(test.p)}; Iman and Davenport: F {test.f:.1f}, p {p_value(test.f_p)}. '
        f'Nemenyi: mean ranks less than {found.difference:.2f} apart cannot be told apart (95 %).'
    )


def cells(results: Results) -> Table:
    """Every cell of the field: mean of the metric, chance, score, seeds, what failed."""
    names = ('encoding', 'task', 'length', 'multiple', 'metric', 'mean', 'chance', 'score', 'seeds', 'failures')
    columns = [Column(name, '95 %' if name == 'mean' else '') for name in names]
    rows, scores = [], results.scores
    by_name = {entrant.name: entrant for entrant in scores.field.entrants}
    for name in results.order:
        for label, problem in scores.problems.items():
            run, metric = by_name[name].runs.get(label), problem.board.task.row(problem.protocol)
            for n in problem.lengths:
                summary = problem.board.summary(run, metric, n)
                if summary is None and (name, label, n) not in scores.failures:
                    continue
                mean = scores.mean((name, label, n))
                rows.append(
                    [
                        tables.name(name),
                        tables.name(label),
                        tables.integer([n]),
                        tables.name(problem.board.multiple(n)),
                        tables.name(problem.board.metric.phrase),
                        tables.value(summary, 4, problem.board.chance(run, metric, n)),
                        tables.number(problem.board.chance(run, metric, n)),
                        tables.number(mean),
                        tables.integer([summary.seeds if summary else 0]),
                        tables.name(
                            scores.failures[name, label, n].words if (name, label, n) in scores.failures else ''
                        ),
                    ]
                )
    return Table('Every cell', '', columns, rows)


def p_value(p: float) -> str:
    """Four decimals, and what is smaller as an inequality."""
    return '< 0.0001' if p < 0.0001 else f'{p:.4f}'


def short(amount: float) -> str:
    """A large number with its unit: 6.3 M, 1.2 G."""
    for limit, unit in ((1e12, 'T'), (1e9, 'G'), (1e6, 'M'), (1e3, 'k')):
        if amount >= limit:
            return f'{amount / limit:.2f} {unit}'
    return f'{amount:.0f}'


def _label(label: str) -> tuple[str, str]:
    """The name of a task with its folder below it: columns are narrow."""
    folder, _, short_name = label.partition('/')
    return (short_name, folder) if short_name else (label, '')
