"""What one choice does among others: the mean over all pairs of runs that differ in that choice alone.

The main effect of a factorial design, or within levels of other choices, by pairs, so that a grid may have holes.
"""

from collections.abc import Mapping
from types import MappingProxyType

from posbench.report.statistics.summary import Summary, summarize


def effect(
    values: Mapping[str, Mapping[int, float]],
    levels: Mapping[str, Mapping[str, str]],
    choice: str,
    level: str,
    beside: str,
    where: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Summary | None, int]:
    """The mean over seeds of `level` minus `beside`, with its interval, and of how many pairs; None without any.

    Args:
        values: run -> seed -> value. Of a pair, seeds that both have count.
        levels: run -> its level of each choice; of runs with other choices there are no pairs.
        where: levels of other choices, of which both runs of a pair are.
    """
    runs = {frozenset(own.items()): run for run, own in levels.items() if run in values}
    by_seed: dict[int, list[float]] = {}
    pairs = 0
    for run in runs.values():
        own = levels[run]
        other = runs.get(frozenset({**own, choice: beside}.items()))
        if own.get(choice) != level or other is None or where.items() - own.items():
            continue
        both = values[run].keys() & values[other].keys()
        pairs += bool(both)
        for seed in both:
            by_seed.setdefault(seed, []).append(values[run][seed] - values[other][seed])
    return summarize([sum(found) / len(found) for _, found in sorted(by_seed.items())]), pairs
