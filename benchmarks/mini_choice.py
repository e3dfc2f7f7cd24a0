"""What tells encodings apart, and in how many minutes: the candidates of experiments/mini_choice.py, by its rows.

    python -m benchmarks.mini_choice experiments/results/mini_choice

A line a task: pairs of encodings that the seeds of this task alone tell apart (paired over seeds, corrected by Holm
over the pairs of the task, 5 %), at the training length and beyond it, the scores of the best and the worst encoding
between chance (0) and no error (1), minutes of one encoding, and pairs for each of them. Prints a markdown table.
"""

import argparse
import pathlib
import statistics

from posbench.report import folder
from posbench.report.leaderboard import costs, entrants, scores, standings
from posbench.report.leaderboard.problems import Problem

VIEWS = (scores.AT, scores.BEYOND)


def told(view: scores.View) -> tuple[int, str]:
    """Pairs told apart, and the highest and the lowest score."""
    means = [place.score.mean for place in standings.places(view)] or [float('nan')]
    apart = sum(pair.p < standings.ALPHA for pair in standings.pairs(view))
    return apart, f'{max(means):.2f}, {min(means):.2f}'


def minutes(problem: Problem) -> float:
    """Of training one encoding, all seeds; NaN where the rows do not say."""
    took = [found for run in problem.runs.values() if (found := costs.seconds(run)) is not None]
    return statistics.mean(took) / 60 if took else float('nan')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('folder', type=pathlib.Path)
    scored = scores.score(entrants.field([folder.read(parser.parse_args().folder)]))
    print('| task | told at 1× | told beyond | best and worst at 1× | beyond | minutes | pairs a minute |')
    print('| --- | ---: | ---: | ---: | ---: | ---: | ---: |')
    lines = []
    for label, problem in scored.problems.items():
        (at, at_ends), (beyond, beyond_ends) = (told(scores.view(scored, which, [label])) for which in VIEWS)
        took = minutes(problem)
        each = (at + beyond) / took
        lines.append((each, f'| {label} | {at} | {beyond} | {at_ends} | {beyond_ends} | {took:.2f} | {each:.1f} |'))
    print('\n'.join(line for _, line in sorted(lines, reverse=True)))


if __name__ == '__main__':
    main()
