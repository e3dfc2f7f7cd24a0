"""A paper's numbers with ours beside, and what claims are judged by: by hand."""

import math

import pytest

from posbench.report import beside, judging, published
from posbench.report.rows import Row

REST = dict.fromkeys(Row.__dataclass_fields__)


def row(run='rope', metric='filled/token_accuracy', length=20, seed=0, value=0.5, **more) -> Row:
    cell = dict(
        run=run, metric=metric, length=length, seed=seed, value=value, split='test', train_length=10, chance=0.2
    )
    return Row(**REST | cell | more)


def table(**cell) -> published.Published:
    number = dict(run='rope', metric='filled/token_accuracy', length=None, value=51.0, sd=None,
                  provenance='from memory', page='table 1', unit='%')  # fmt: skip
    return published.Published(None, 'A paper', 'table 1', 'arXiv:1', (published.Number(**number | cell),))


def ours(rows, match, **cell):
    (line,) = beside.lines(table(**cell), rows, match)
    return line


ROWS = [
    row(length=length, seed=seed, value=length / 100 + seed / 10) for length in (5, 10, 20, 40) for seed in (0, 1, 2)
]


def test_a_number_without_a_length_is_beside_the_mean_over_lengths_beyond_training_in_its_own_unit():
    line = ours(ROWS, beside.Match(lengths={None: beside.UNSEEN}))
    assert line.ours.mean == pytest.approx(100 * (0.3 + 0.1))
    assert (line.ours.seeds, line.chance) == (3, pytest.approx(20))
    assert ours(ROWS, beside.Match(lengths={None: beside.UNSEEN}), unit='share').ours.mean == pytest.approx(0.4)


@pytest.mark.parametrize(
    ('match', 'length', 'wanted'),
    [
        (beside.Match(), 40, 50.0),
        (beside.Match(lengths={1024: 2}), 1024, 30.0),
        (beside.Match(lengths={None: 1}), None, 20.0),
        (beside.Match(lengths={None: (0.5, 1)}), None, 17.5),
        (beside.Match(lengths={512: 1}), 1024, None),
        (beside.Match(), 41, None),
    ],
)
def test_lengths_of_the_paper_are_ours_as_the_study_says(match, length, wanted):
    found = ours(ROWS, match, length=length).ours
    assert (found and found.mean) == (wanted and pytest.approx(wanted))


def test_errors_are_what_is_left_of_exact_matches_and_other_names_are_as_the_study_says():
    exact = [row(metric='decoded/exact_match', length=10, seed=seed, value=0.9) for seed in range(3)]
    line = ours(exact, beside.Match(lengths={None: 1}), metric='decoded/error')
    assert (line.ours.mean, line.chance) == (pytest.approx(10), pytest.approx(80))
    named = beside.Match(lengths={None: 1}, metrics={'BLEU': 'decoded/exact_match'})
    assert ours(exact, named, metric='BLEU', unit='points').ours.mean == pytest.approx(0.9)


def test_a_cell_that_nothing_was_run_for_has_only_the_number():
    assert ours(ROWS, beside.Match(lengths={None: 1}), run='alibi')[1:] == (None, None)
    assert ours([], beside.Match())[1:] == (None, None)


def test_values_are_paired_by_seed_and_only_those_that_both_have():
    cells = judging.Cells([*ROWS, row(run='alibi', length=20, seed=1, value=0.1), row(run='alibi', length=20, seed=7)])
    rope, alibi = (cells.at(run, 'filled/token_accuracy', 20) for run in ('rope', 'alibi'))
    assert judging.difference(rope, alibi) == {1: pytest.approx(0.2)}
    assert judging.ratio(rope, alibi) == {1: pytest.approx(3)}
    assert judging.mean_of([rope, alibi]) == {1: pytest.approx(0.2)}
    with pytest.raises(KeyError):
        judging.difference(rope, {5: 1.0})


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
    verdicts.judge('it holds', lambda: (judging.mean(values) >= 0.5, judging.said(values, 2)))
    verdicts.judge('nothing is known', lambda: ({}['rope'] > 0, ''))
    assert verdicts.found == [dict(claim='it holds', verdict='PASS', evidence='0.50 [0.40, 0.60]')]
    assert judging.said({0: 0.4}) == '0.400'
