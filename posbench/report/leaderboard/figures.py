"""The figures of a leaderboard: length curves of each task, mean ranks, performance profiles, cost against quality."""

import math
from collections.abc import Mapping

from markupsafe import Markup

from posbench.report import numbers, texts
from posbench.report.leaderboard import standings, svg
from posbench.report.leaderboard.board_tables import Results, short
from posbench.report.leaderboard.problems import Problem
from posbench.report.leaderboard.svg import Axis, Drawing

WIDTH, HEIGHT = 330, 214
LEFT, RIGHT, TOP, BOTTOM = 40, 12, 16, 30


def curves(results: Results, on: Mapping[str, int], index: Mapping[str, int]) -> list[Drawing]:
    """The deciding metric by test length, a panel a problem; `on` are those drawn in colour, over the others."""
    return [_curve(problem, results, on, index) for problem in results.scores.field.problems]


def _curve(problem: Problem, results: Results, on: Mapping[str, int], index: Mapping[str, int]) -> Drawing:
    board, metric = problem.board, problem.board.task.row(problem.protocol)
    by_name = {entrant.name: entrant for entrant in results.scores.field.entrants}
    runs = {name: by_name[name].runs[problem.label] for name in index if problem.label in by_name[name].runs}
    found = {name: {n: summary for n in board.lengths if (summary := board.summary(run, metric, n))}
             for name, run in runs.items()}  # fmt: skip
    known = [s.mean for curve in found.values() for s in curve.values() if math.isfinite(s.mean)]
    guesses = next((chances for run in runs.values() if (chances := board.chances(run, metric))), {})
    low, high = _ends(known, list(guesses.values()), share=board.metric.share, lower=board.metric.lower)
    x = Axis(board.lengths[0], board.lengths[-1], LEFT, WIDTH - RIGHT, log=True)
    y = Axis(low, high, HEIGHT - BOTTOM, TOP)
    marks = [*_grid(y), *_lengths(problem, x)]
    if guesses:
        marks.append(svg.line([(x(n), y(guess)) for n, guess in guesses.items()], 'guess'))
    for name in [*(name for name in found if name not in on), *(name for name in found if name in on)]:
        points = {n: s for n, s in found[name].items() if math.isfinite(s.mean)}
        drawn = [svg.line([(x(n), y(s.mean)) for n, s in points.items()])] if points else []
        banded = {n: s for n, s in points.items() if s.low is not None}
        if len(banded) > 1:
            ends = ([(x(n), y(getattr(s, end))) for n, s in banded.items()] for end in ('low', 'high'))
            drawn.insert(0, svg.band(*ends))
        if len(points) < len(found[name]) and points:
            # The last length that still has a number.
            last = max(points)
            drawn.append(svg.cross(x(last), y(points[last].mean)))
        if len(points) == 1:
            drawn.append(svg.dot(x(min(points)), y(next(iter(points.values())).mean)))
        marks.append(svg.entrant(index[name], name, drawn, name in on))
    alt = f'{texts.upper(board.metric.phrase)} by test length, {len(found)} encodings, {problem.label}.'
    return Drawing(WIDTH, HEIGHT, svg.joined(marks), alt, problem.label)


def critical(found: standings.Critical, index: Mapping[str, int], on: Mapping[str, int]) -> Drawing:
    """The diagram of Demsar (2006): mean ranks on a line, bars over those that cannot be told apart."""
    names, width = list(found.ranks), 660
    half = math.ceil(len(names) / 2)
    x = Axis(1, len(names), 150, width - 150)
    line, step = 56 + 9 * len(found.groups), 17
    height = line + 18 + half * step
    ticks = range(1, len(names) + 1, max(1, len(names) // 8))
    marks = [svg.segment(x(1), 40, x(len(names)), 40, 'axis')]
    marks += [svg.segment(x(t), 36, x(t), 40, 'axis') for t in ticks]
    marks += [svg.text(x(t), 31, str(t), 'q mid') for t in ticks]
    reach = min(x(1 + found.difference), x(len(names)))
    marks += [svg.segment(x(1), 12, reach, 12, 'bar thin'), svg.segment(x(1), 9, x(1), 15, 'axis'),
              svg.segment(reach, 9, reach, 15, 'axis')]  # fmt: skip
    marks.append(svg.text(reach + 6, 16, f'critical difference {found.difference:.2f}', 'q'))
    for i, group in enumerate(found.groups):
        ends = (x(found.ranks[group[0]]) - 3, x(found.ranks[group[-1]]) + 3)
        marks.append(svg.segment(ends[0], 50 + 9 * i, ends[1], 50 + 9 * i, 'bar'))
    for i, name in enumerate(names):
        left = i < half
        y = line + 18 + (i if left else len(names) - 1 - i) * step
        at, edge = x(found.ranks[name]), 144 if left else width - 144
        path = [(at, 40), (at, y - 4), (edge, y - 4)]
        words = f'{svg.left(name, 17)} {numbers.number(found.ranks[name], 2)}'
        label = svg.text(edge + (-4 if left else 4), y, words, 'k end' if left else 'k')
        marks.append(svg.entrant(index[name], name, [svg.line(path), label], name in on))
    alt = f'Critical-difference diagram of {len(names)} encodings over {found.tasks} tasks; the ranks stand in a table.'
    return Drawing(width, height, svg.joined(marks), alt)


def profile(results: Results, on: Mapping[str, int], index: Mapping[str, int]) -> Drawing | None:
    """The share of cells, over tasks, lengths and seeds, above each score."""
    found = standings.profiles(results.main)
    if not found:
        return None
    thresholds = next(iter(found.values())).threshold_K
    width, height = 440, 280
    x = Axis(float(thresholds[0]), float(thresholds[-1]), LEFT, width - RIGHT)
    y = Axis(0.0, 1.0, height - 42, TOP)
    marks = [*_grid(y, width), *(svg.text(x(t), height - 26, f'{t:g}', 'q mid') for t in (0.0, 0.25, 0.5, 0.75, 1.0))]
    marks.append(svg.text(width / 2, height - 8, 'score above which a cell counts →', 'q mid'))
    for name in [*(name for name in found if name not in on), *(name for name in found if name in on)]:
        one = found[name]
        drawn = [svg.line([(x(t), y(share)) for t, share in zip(thresholds, one.share_K)])]
        if one.low_K is not None:
            ends = ([(x(t), y(end)) for t, end in zip(thresholds, ends_K)] for ends_K in (one.low_K, one.high_K))
            drawn.insert(0, svg.band(*ends))
        marks.append(svg.entrant(index[name], name, drawn, name in on))
    alt = f'Performance profile: share of cells above each score, {len(found)} encodings.'
    return Drawing(width, height, svg.joined(marks), alt, 'Share of cells above a score')


def costs(results: Results, on: Mapping[str, int], index: Mapping[str, int]) -> list[Drawing]:
    """Score against tokens a second and against FLOPs a token, each where it is not all but the same."""
    drawn = []
    for what, title, more_is_better in (('rate', 'tokens a second →', True), ('flops', 'FLOPs a token →', False)):
        amounts = {name: getattr(results.costs[name], what) for name in results.main.ranked}
        amounts = {name: amount for name, amount in amounts.items() if amount is not None}
        # What differs by a hundredth or two makes a scale that shows nothing but itself.
        if len(amounts) > 1 and max(amounts.values()) > 1.02 * min(amounts.values()):
            drawn.append(_cost(results, amounts, title, more_is_better, on, index))
    return drawn


def _cost(results, amounts: dict[str, float], title: str, more_is_better: bool, on, index) -> Drawing:
    width, height = 440, 280
    summaries = {place.entrant: place.score for place in results.places}
    scores = [s.mean for name, s in summaries.items() if name in amounts]
    low, high = min(amounts.values()), max(amounts.values())
    room = 0.06 * (high - low)
    x = Axis(low - room, high + room, LEFT, width - RIGHT)
    bottom, top = _ends(scores, [], share=False, lower=False)
    y = Axis(bottom, top, height - 42, TOP)
    marks = [*_grid(y, width), svg.text(width / 2, height - 8, title, 'q mid')]
    marks += [svg.text(x(at), height - 26, short(at), f'q {kind}') for at, kind in ((low, ''), (high, 'end'))]
    front = _front({name: (amounts[name], summaries[name].mean) for name in amounts}, more_is_better)
    marks.append(svg.line([(x(a), y(b)) for a, b in front], 'front'))
    for name in [*(name for name in amounts if name not in on), *(name for name in amounts if name in on)]:
        at, summary = x(amounts[name]), summaries[name]
        drawn = []
        if summary.low is not None:
            drawn.append(svg.segment(at, y(summary.low), at, y(summary.high), 'l'))
        drawn.append(svg.dot(at, y(summary.mean), 3.4))
        left = at > width - 110
        drawn.append(svg.text(at + (-6 if left else 6), y(summary.mean) - 5, name, 'n end' if left else 'n'))
        marks.append(svg.entrant(index[name], f'{name}: {summary.mean:.3f}, {short(amounts[name])}', drawn, name in on))
    alt = f'Score against {title.removesuffix(" →")}, {len(amounts)} encodings; the numbers stand in the first table.'
    return Drawing(width, height, svg.joined(marks), alt, f'Score by {title.removesuffix(" →")}')


def _front(points: dict[str, tuple[float, float]], more_is_better: bool) -> list[tuple[float, float]]:
    """Those that nobody beats in both, by cost: the Pareto front, as steps."""
    kept: list[tuple[float, float]] = []
    for amount, score in sorted(points.values(), key=lambda p: (-p[0] if more_is_better else p[0], -p[1])):
        if not kept or score > kept[-1][1]:
            kept += [(amount, kept[-1][1])] if kept else []
            kept.append((amount, score))
    return kept


def _ends(known: list[float], guesses: list[float], *, share: bool, lower: bool) -> tuple[float, float]:
    """Bottom and top of an axis: all of a share; of a loss, what is far above chance may leave it."""
    if share:
        return 0.0, 1.0
    low, high = min([*known, *guesses], default=0.0), max([*known, *guesses], default=1.0)
    if lower and guesses:
        high = min(high, 1.1 * max(guesses))
    room = 0.06 * (high - low) or 0.05
    return low - room, high + room


def _grid(y: Axis, width: float = WIDTH) -> list[Markup]:
    """Four lines with their numbers."""
    step = _step(y.high - y.low)
    values = [k * step for k in range(math.ceil(y.low / step - 1e-9), math.floor(y.high / step + 1e-9) + 1)]
    lines = [svg.segment(LEFT, y(value), width - RIGHT, y(value), 'grid') for value in values]
    return lines + [svg.text(LEFT - 5, y(value) + 4, f'{value + 0.0:g}'[:5], 'q end') for value in values]


def _step(span: float) -> float:
    """A round number that is in a span three to six times."""
    power = 10.0 ** math.floor(math.log10(span / 3))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if span / (factor * power) < 5.5)


def _lengths(problem: Problem, x: Axis) -> list[Markup]:
    """Multiples of the training length below the axis, and the line that marks it."""
    board, taken, marks = problem.board, -math.inf, []
    at = x(board.train_length) if board.lengths[0] <= board.train_length <= board.lengths[-1] else None
    if at is not None:
        marks.append(svg.segment(at, TOP, at, HEIGHT - BOTTOM, 'mark'))
    for n in board.lengths:
        if n == board.train_length + 1 or x(n) - taken < 34:
            continue
        taken = x(n)
        kind = 'q end' if n == board.lengths[-1] and len(board.lengths) > 1 else 'q mid' if x(n) > LEFT + 8 else 'q'
        marks += [svg.text(x(n), HEIGHT - 15, board.multiple(n), kind), svg.text(x(n), HEIGHT - 3, f'{n:,}', kind)]
    return marks
