"""What tells encodings apart, and in how many minutes: the candidates of experiments/mini_choice.py, by its rows.

    python -m benchmarks.mini_choice experiments/results/mini_choice

A line a task: pairs of encodings that the seeds of this task alone tell apart (paired over seeds, corrected by Holm
over the pairs of the task, 5 %), at the training length and beyond it, the scores of the best and the worst encoding
between chance (0) and no error (1), minutes of one encoding, and pairs for each of them. Prints a markdown table.
"""

import argparse
import itertools
import pathlib

import numpy as np

from posbench.report import folder
from posbench.report.leaderboard import entrants, scores
from posbench.report.statistics import paired

VIEWS = (scores.AT, scores.BEYOND)


def told(view: scores.View, label: str) -> tuple[int, float, float]:
    """(pairs told apart, the highest and the lowest score) of one task."""
    by_seed = {name: view.of(name)[label] for name in view.ranked}
    means = [float(np.mean(values)) for values in by_seed.values()]
    pairs = itertools.combinations(by_seed.values(), 2)
    p_M = paired.holm([student(np.subtract(a, b)) for a, b in pairs])
    return int((np.asarray(p_M) < 0.05).sum()), max(means), min(means)


def student(difference_S: np.ndarray) -> float:
    """p of a paired t-test; seeds are too few for one of ranks."""
    from scipy import stats

    if np.ptp(difference_S) == 0:
        return float(difference_S[0] == 0)
    return float(stats.ttest_1samp(difference_S, 0.0).pvalue)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('folder', type=pathlib.Path)
    study = folder.read(parser.parse_args().folder)
    scored = scores.score(entrants.field([study]))
    minutes: dict[str, list[float]] = {}
    for run in study.runs:
        label = run.name.partition('@')[2]
        minutes.setdefault(label, []).append(max(row.wall_seconds or 0.0 for row in run.rows) / 60)
    print('| task | told at 1× | told beyond | best and worst at 1× | beyond | minutes | pairs a minute |')
    print('| --- | ---: | ---: | ---: | ---: | ---: | ---: |')
    lines = []
    for label in scored.problems:
        found = [told(scores.view(scored, which, [label]), label) for which in VIEWS]
        name = next(run for run in scored.problems[label].runs).partition('@')[2]
        took = float(np.mean(minutes[name]))
        (at, *at_ends), (beyond, *beyond_ends) = found
        ends = [f'{best:.2f}, {worst:.2f}' for best, worst in (at_ends, beyond_ends)]
        each = (at + beyond) / took if took else float('nan')
        lines.append((each, f'| {name} | {at} | {beyond} | {ends[0]} | {ends[1]} | {took:.2f} | {each:.1f} |'))
    print('\n'.join(line for _, line in sorted(lines, reverse=True)))


if __name__ == '__main__':
    main()
