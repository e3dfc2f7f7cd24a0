"""For every experiment on a paper's table, what every run would have measured for all its claims to hold, or none.

A world is (metrics, holds, fails): both say the value of a run's metric at a length n, m times the training length.
"""

from typing import NamedTuple

CHANCE = 0.5


class World(NamedTuple):
    """What a study measures; `holds(run, metric, n, m)` and `fails` of the same."""

    metrics: tuple[str, ...]
    holds: object
    fails: object


def _extrapolates(run, metric, n, m):
    if run.startswith('alibi'):
        return 30 if metric.startswith('sliding') else 30 - 0.01 * n
    return 30 * {'sinusoidal': m**0.7, 'rope': m**0.2, 't5': m**0.01, 'none': m**0.5}[run]


def _does_not_extrapolate(run, metric, n, m):
    return 30 * (m**0.5 if run.startswith('alibi') else m**0.1)


def _knows_positions(run, metric, n, m):
    if metric.startswith('position_error'):
        return CHANCE * {'0': 1.0, '1': 0.6, '2': 0.3, '3': 0.2}[metric[-1]]
    return {'none': 21.0, 'learned': 20.4, 'sinusoidal': 20.2, 'alibi': 19.7}[run]


def _knows_none(run, metric, n, m):
    if metric.startswith('position_error'):
        return CHANCE * (0.8 if metric[-1] == '0' else 0.95)
    return {'none': 23.0, 'learned': 20.4, 'sinusoidal': 20.2, 'alibi': 24.0}[run]


def _interpolates(run, metric, n, m):
    base, _, tuned = run.partition('-')
    if n == 256:
        return 33.0 if base == 'rope' and tuned else 31.0 if tuned else 90.0 if base == 'rope' else 40.0
    return 30.0


def _formal_languages(run, metric, n, m):
    task, _, name = run.partition('-')
    if task == 'parity_check':
        return 0.5
    return 0.97 if name == 'randomized_relative' else 0.95 if name.startswith('randomized') else 0.52


def _no_formal_languages(run, metric, n, m):
    task, _, name = run.partition('-')
    if task == 'parity_check':
        return 0.6
    return 0.2 if name == 'none' else 0.5 if name.startswith('randomized') else 0.7


def _copies(run, metric, n, m):
    name = run.partition('-')[2]
    if m <= 1:
        return 0.99
    return {'t5': 0.5, 'none': 0.45, 'alibi': 0.4, 'partial_rope': 0.03, 'rope': 0.02, 'sinusoidal': 0.01}[name]


def _copies_as_no_one_did(run, metric, n, m):
    name = run.partition('-')[2]
    return {'t5': 0.1, 'none': 0.15, 'alibi': 0.2, 'partial_rope': 0.3, 'rope': 0.3, 'sinusoidal': 0.4}[name]


def _counts(run, metric, n, m):
    return 1 - {'cope': 0.01, 'shaw': 0.2, 'learned': 0.7}[run.partition('-')[2]]


def _remembers(run, metric, n, m):
    if metric.startswith('dense'):
        return 0.001
    return {'cope': 0.02, 'path': 0.0, 'rope': 0.4, 'learned': 0.3}.get(run, 0.2)


def _patches(run, metric, n, m):
    return 0.9 if run == 'none' else 0.95


def _patches_do_not_matter(run, metric, n, m):
    return {'none': 0.95, 'learned': 0.90}.get(run, 0.96)


def _resolution(run, metric, n, m):
    return 0.95 - (0.01 if run == 'rope_mixed' else 0.04) * (m > 1)


def _clipped(run, metric, n, m):
    return {'k0': 0.3, 'k1': 0.9}.get(run, 0.98)


def _clipping_hurts(run, metric, n, m):
    return {'k0': 0.7, 'k2': 0.5, 'keys_and_values': 0.5}.get(run, 0.98)


def _adds(run, metric, n, m):
    return 0.99 if n <= (50 if run == 'position_coupling' else 11) else 0.1


def _adds_by_any(run, metric, n, m):
    return 0.99 if n <= (15 if run == 'position_coupling' else 30) else 0.1


PROBED = tuple(f'position_error_of_layer_{layer}' for layer in range(4))
FILLED, DECODED = ('filled/token_accuracy',), ('decoded/exact_match',)
WORLDS = {
    'press2022_extrapolation': World(
        ('windows/perplexity', 'sliding/perplexity'), _extrapolates, _does_not_extrapolate
    ),
    'haviv2022_nopos': World(('windows/perplexity', *PROBED), _knows_positions, _knows_none),
    'vaswani2017_row_e': World(
        ('windows/loss', 'windows/perplexity'),
        lambda run, metric, n, m: 3.0,
        lambda run, metric, n, m: 3.0 + 0.1 * (run == 'learned'),
    ),
    'chen2023_interpolation': World(('sliding/perplexity',), _interpolates, lambda run, metric, n, m: (
        30.0 if run == 'rope' else 60.0
    )),
    'ruoss2023_table1': World(FILLED, _formal_languages, _no_formal_languages),
    'zheng2024_dape': World(
        FILLED,
        lambda run, metric, n, m: 0.8 if '-dape' in run else 0.7,
        lambda run, metric, n, m: 0.6 if '-dape' in run else 0.7,
    ),
    'kazemnejad2023': World(DECODED, _copies, _copies_as_no_one_did),
    'golovneva2024_counting': World(DECODED, _counts, lambda run, metric, n, m: 0.5),
    'flip_flop': World(
        ('in_distribution/error', 'sparse/error', 'dense/error'), _remembers, lambda run, metric, n, m: 0.1
    ),
    'gopalakrishnan2025_indirect_indexing': World(
        DECODED,
        lambda run, metric, n, m: 0.9 if run == 'pope' else 0.1,
        lambda run, metric, n, m: 0.3 if run == 'pope' else 0.1,
    ),
    'dosovitskiy2021_positions': World(('whole/accuracy',), _patches, _patches_do_not_matter),
    'heo2024_resolution': World(
        ('whole/accuracy',), _resolution, lambda run, metric, n, m: 0.9 - 0.1 * (run == 'rope_mixed') * (m > 1)
    ),
    'shaw2018_clipping': World(('decoded/token_accuracy',), _clipped, _clipping_hurts),
    'cho2024_position_coupling': World(DECODED, _adds, _adds_by_any),
}  # fmt: skip
