"""Effects of choices: known ones are found, in a whole grid and in one with holes."""

import itertools
import math

import pytest

from posbench.report.statistics import effects

LEVELS = {
    f'{a}-{b}-{c}': dict(a=a, b=b, c=c) for a, b, c in itertools.product('xyz', 'pq', 'uvw')
}  # fmt: skip
OF = dict(x=0.0, y=2.0, z=-1.0, p=0.0, q=0.5, u=0.0, v=0.25, w=-4.0)


def value(own: dict[str, str], seed: int) -> float:
    """Levels add up, but y does three times as much with q; a seed adds to y alone."""
    more = 4.0 if own['a'] == 'y' and own['b'] == 'q' else 0.0
    return sum(OF[level] for level in own.values()) + more + (0.1 * seed if own['a'] == 'y' else 0.0)


def values(runs=LEVELS) -> dict[str, dict[int, float]]:
    return {run: {seed: value(LEVELS[run], seed) for seed in range(5)} for run in runs}


@pytest.mark.parametrize(
    'choice, level, beside, where, mean, pairs',
    [
        ('a', 'z', 'x', {}, -1.0, 6),
        ('a', 'y', 'x', {}, 2.0 + 4.0 / 2 + 0.2, 6),
        ('a', 'y', 'x', dict(b='p'), 2.2, 3),
        ('a', 'y', 'x', dict(b='q', c='w'), 6.2, 1),
        ('b', 'q', 'p', {}, 0.5 + 4.0 / 3, 9),
        ('c', 'w', 'v', dict(a='z'), -4.25, 2),
    ],
)
def test_the_effects_that_were_put_in_come_out(choice, level, beside, where, mean, pairs):
    found, count = effects.effect(values(), LEVELS, choice, level, beside, where)
    assert math.isclose(found.mean, mean) and count == pairs and found.seeds == 5


def test_a_grid_with_holes_has_the_pairs_that_are_there():
    there = [run for run in LEVELS if not run.startswith('y-q')]
    found, count = effects.effect(values(there), LEVELS, 'a', 'y', 'x')
    assert math.isclose(found.mean, 2.2) and count == 3
    assert effects.effect(values(['x-p-u']), LEVELS, 'a', 'y', 'x') == (None, 0)
    assert effects.effect(values(), LEVELS, 'a', 'none', 'x') == (None, 0)


def test_the_interval_is_that_of_seeds_which_both_have():
    found, _ = effects.effect(values(), LEVELS, 'a', 'y', 'x', dict(b='p', c='u'))
    assert 2.0 <= found.low < 2.2 < found.high <= 2.4
    few = values() | {'x-p-u': {0: 0.0, 4: 0.0, 9: 7.0}}
    found, _ = effects.effect(few, LEVELS, 'a', 'y', 'x', dict(b='p', c='u'))
    assert math.isclose(found.mean, 2.2) and found.seeds == 2
