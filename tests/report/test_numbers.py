"""Statistics, verdicts and the way numbers are written."""

import io
import math

import numpy as np
import pytest

from posbench.report import boards, by_position, canvas, curves, markdown, statistics, terminal, texts
from posbench.report import folder as folder_lib
from tests.report.runs import CHANCE, row, write_rows, write_run


def board_of(tmp_path, values: dict[int, float], **changes) -> boards.Board:
    write_rows(tmp_path, [row(length=n, value=value, **changes) for n, value in values.items()])
    return boards.boards(folder_lib.read(tmp_path))[0]


def test_intervals_cover_the_mean_about_as_often_as_the_page_says():
    rng = np.random.default_rng(0)
    for seeds, stated in ((3, 0.75), (5, 0.85), (10, 0.90)):
        cells = [statistics.summarize(rng.normal(size=seeds)) for _ in range(400)]
        covered = np.mean([cell.low <= 0 <= cell.high for cell in cells])
        assert abs(covered - stated) < 0.06
        assert f'{stated * 100:.0f} %' in texts.INTERVALS


def test_the_interval_is_the_percentile_bootstrap():
    values = [1.0, 2.0, 4.0]
    # All 27 resamples have one of ten means; 1/27 of them is below the first 2.5 %, so the ends are the extremes.
    assert statistics.summarize(values) == statistics.Summary(7 / 3, 1.0, 4.0, 3, 3)


def test_fewer_than_three_seeds_have_no_interval():
    assert texts.spread(statistics.summarize([2.0])) == texts.spread(statistics.summarize([2.0, 2.1])) == ''
    assert texts.plus_minus(statistics.summarize([2.0, 2.1])) == '2.050'
    assert '±' in texts.plus_minus(statistics.summarize([2.0, 2.1, 2.2]))


def test_a_seed_that_diverged_makes_the_mean_nan_and_is_counted():
    summary = statistics.summarize([2.0, math.nan, 2.1])
    assert math.isnan(summary.mean) and texts.spread(summary) == '2 of 3 finite'
    assert statistics.summarize([]) is None


@pytest.mark.parametrize(
    ('longer', 'word'),
    [
        ({129: 2.0, 256: 2.1}, 'holds'),
        ({129: 2.0, 256: 2.11}, 'holds'),  # x1.055, printed as x1.05
        ({129: 2.0, 256: 2.12}, 'degrades'),
        ({129: 2.5, 256: 2.2}, 'degrades'),
        ({129: 2.5, 256: 2.0}, 'dips'),
        ({129: 2.0, 256: 2.508}, 'degrades'),  # x1.254, printed as x1.25
        ({129: 2.0, 256: 2.52}, 'falls apart'),
        ({129: math.nan, 256: 2.0}, 'falls apart'),
        ({129: math.inf, 256: 2.0}, 'falls apart'),
    ],
)
def test_the_verdict_is_that_of_the_worst_longer_length(tmp_path, longer, word):
    assert board_of(tmp_path, {128: 2.0, **longer}).verdict('rope', 'windows').word == word


def test_worse_than_the_unigram_is_falling_apart_at_any_ratio(tmp_path):
    assert board_of(tmp_path, {128: 4.2, 256: 4.32}, chance=4.31).verdict('rope', 'windows').word == 'falls apart'


def test_nan_at_the_training_length_is_divergence(tmp_path):
    assert board_of(tmp_path, {128: math.nan, 256: 2.0}).verdict('rope', 'windows').word == 'diverged'


@pytest.mark.parametrize('values', [{128: 2.0}, {256: 2.0}])
def test_without_both_sides_of_the_border_there_is_no_verdict(tmp_path, values):
    assert board_of(tmp_path, values).verdict('rope', 'windows') is None


def test_reference_models_keep_both_values_when_the_text_differed(tmp_path):
    for name, value in (('rope', 4.3), ('alibi', 4.5)):
        reference = row('baseline:unigram', seed=None, length=None, train_length=None, value=value)
        write_run(tmp_path / name, rows=[row(name), reference])
    assert texts.baselines(boards.boards(folder_lib.read(tmp_path))[0]) == 'unigram 4.30 or 4.50'


@pytest.mark.parametrize(
    ('value', 'text'),
    [(None, '—'), (math.nan, 'nan'), (math.inf, 'inf'), (1.98, '1.980'), (429.46, '429.5'), (16416.2, '16,416')],
)
def test_numbers_keep_to_their_width(value, text):
    assert texts.number(value) == text


def test_labels_are_moved_apart_as_little_as_needed():
    assert canvas.apart([0.1, 0.5, 0.9], 0.1) == pytest.approx([0.1, 0.5, 0.9])
    assert canvas.apart([0.5, 0.5, 0.9], 0.1) == pytest.approx([0.45, 0.55, 0.9])
    assert canvas.apart([1.0, 1.0, 1.0], 0.1) == pytest.approx([0.8, 0.9, 1.0])


def test_smoothing_keeps_straight_lines_and_gaps():
    line = [float(value) for value in range(9)]
    assert curves.smooth(line) == pytest.approx(line)
    smoothed = curves.smooth([1.0, 1.0, math.nan, 1.0, 1.0])
    assert math.isnan(smoothed[2]) and [smoothed[i] for i in (0, 1, 3, 4)] == [1.0] * 4


def test_markdown_shows_every_string_as_it_is():
    assert markdown.escape('a|b\n<i> `c` [d](e) randomized_rope _x_') == (
        r'a\|b &lt;i&gt; \`c\` \[d\](e) randomized_rope \_x\_'
    )


@pytest.mark.parametrize('charset', ['utf-8', 'ascii'])
def test_the_terminal_table_fits_80_columns_in_any_character_set(study_folder, charset, monkeypatch):
    monkeypatch.setenv('COLUMNS', '80')
    study = folder_lib.read(study_folder)
    file = io.TextIOWrapper(io.BytesIO(), encoding=charset)
    terminal.show(study, boards.boards(study), ['report.html'], file=file)
    file.flush()
    lines = file.buffer.getvalue().decode(charset).splitlines()
    assert max(len(line) for line in lines) <= 80
    for word in ('randomized_rope', 'falls apart', 'FAIL', 'kerple', '1,024'):
        assert any(word in line for line in lines)


def test_points_of_the_loss_by_position_have_enough_tokens_and_stay_on_their_side_of_the_border(tmp_path):
    rows = [row(metric='loss_at_position', length=n, value=float(n), examples=300) for n in (*range(1, 11), 12, 20)]
    write_rows(tmp_path, rows)
    board = boards.boards(folder_lib.read(tmp_path))[0]
    points = by_position.points(by_position.bins(board, 'rope', 'loss'), 10)
    # 300 tokens a bin: four make a point, the two before the border join the second one, those behind it stay apart.
    assert [(item.start, item.end) for item in points] == [(0, 4), (4, 10), (10, 20)]
    assert [item.means[0] for item in points] == [2.5, 7.5, 16.0]


def test_the_first_unseen_token_is_a_point_of_its_own_when_it_has_enough_tokens(tmp_path):
    rows = [row(metric='loss_at_position', length=n, value=1.0, examples=2000) for n in (64, 128, 129, 256)]
    write_rows(tmp_path, rows)
    board = boards.boards(folder_lib.read(tmp_path))[0]
    points = by_position.points(by_position.bins(board, 'rope', 'loss'), 128)
    assert [(item.start, item.end) for item in points] == [(0, 64), (64, 128), (128, 129), (129, 256)]


def test_a_run_that_a_reference_model_beats_says_so(tmp_path):
    reference = [
        row(f'baseline:{name}', seed=None, length=None, value=value)
        for name, value in (('unigram', CHANCE), ('5-gram', 2.2))
    ]
    write_rows(tmp_path, [row(value=2.5), row(length=256, value=2.5), *reference])
    sentence = texts.headline(boards.boards(folder_lib.read(tmp_path))[0], single=True)[1]
    assert sentence == 'On the same data: unigram 4.31, 5-gram 2.20; at the training length the 5-gram is better.'


def test_a_reference_model_far_from_the_curves_is_named_and_does_not_press_them_flat():
    lines = {'a': {128: statistics.Summary(1.8, None, None, 1, 1), 256: statistics.Summary(2.4, None, None, 1, 1)}}
    reference = {'unigram': 4.4, '5-gram': 2.0}
    drawn = curves.near(lines, reference)
    assert drawn == {'5-gram': 2.0}
    top = curves.ceiling(lines, reference, drawn)
    assert 2.4 < top < 2.5
    assert [text for _, text, _ in curves.reference_labels(reference, top)] == ['unigram 4.40 ↑', '5-gram 2.00']
