"""What claims are judged by: values by seed, paired, and verdicts; by hand."""

import math

import pytest

from posbench.report import judging
from posbench.report.rows import Row

REST = dict.fromkeys(Row.__dataclass_fields__)


def row(run='rope', metric='filled/token_accuracy', length=20, seed=0, value=0.5, **more) -> Row:
    cell = dict(
        run=run, metric=metric, length=length, seed=seed, value=value, split='test', train_length=10, chance=0.2
    )
    return Row(**REST | cell | more)


ROWS = [
    row(length=length, seed=seed, value=length / 100 + seed / 10) for length in (5, 10, 20, 40) for seed in (0, 1, 2)
]


def test_values_are_paired_by_seed_and_only_those_that_both_have():
    cells = judging.Cells([*ROWS, row(run='alibi', length=20, seed=1, value=0.1), row(run='alibi', length=20, seed=7)])
    rope, alibi = (cells.at(run, 'filled/token_accuracy', 20) for run in ('rope', 'alibi'))
    assert judging.difference(rope, alibi) == {1: pytest.approx(0.2)}
    assert judging.ratio(rope, alibi) == {1: pytest.approx(3)}
    assert judging.mean_of([rope, alibi]) == {1: pytest.approx(0.2)}
    with pytest.raises(KeyError):
        judging.difference(rope, {5: 1.0})


def test_a_mean_over_lengths_is_over_those_beyond_training_and_chance_too():
    cells = judging.Cells(ROWS)
    assert cells.unseen('rope', 'filled/token_accuracy') == [20, 40]
    assert cells.over('rope', 'filled/token_accuracy') == {seed: pytest.approx(0.3 + seed / 10) for seed in range(3)}
    assert cells.times('rope', 'filled/token_accuracy', 0.5)[0] == 0.05
    assert cells.chance('rope', 'filled/token_accuracy', [20, 40]) == pytest.approx(0.2)
    with pytest.raises(KeyError):
        cells.over('rope', 'filled/exact_match')


def test_a_ratio_to_nothing_is_no_error():
    assert judging.ratio({0: 2.0}, {0: 0.0}) == {0: math.inf}
    assert math.isnan(judging.ratio({0: 0.0}, {0: 0.0})[0])


def test_cells_are_those_of_the_test_or_of_the_validation_where_nothing_else_was_scored():
    both = [row(value=0.5), row(value=0.7, split='validation'), row(run='baseline:unigram', value=0.9)]
    assert judging.Cells(both).at('rope', 'filled/token_accuracy', 20) == {0: 0.5}
    assert judging.Cells(both[1:]).at('rope', 'filled/token_accuracy', 20) == {0: 0.7}
    with pytest.raises(KeyError):
        judging.Cells(both).at('baseline:unigram', 'filled/token_accuracy', 20)


def test_a_verdict_is_a_text_with_the_interval_and_one_without_rows_is_left_out():
    verdicts = judging.Verdicts()
    values = {0: 0.4, 1: 0.5, 2: 0.6}
    verdicts.judge('it holds', lambda: (judging.mean(values) >= 0.5, judging.said(values, 2)), 'rope')
    verdicts.judge('nothing is known', lambda: ({}['rope'] > 0, ''))
    assert verdicts.found == [dict(claim='it holds', verdict='PASS', evidence='0.50 [0.40, 0.60]', runs=['rope'])]
    assert judging.said({0: 0.4}) == '0.400'
