"""Noise: against simulations of scored data and seeds, and what it does to words."""

import json

import numpy as np
import pytest

from posbench import report
from posbench.report import boards, noise, texts, verdicts
from posbench.report import folder as folder_lib
from posbench.report.task import Metric
from posbench.report.verdicts import Point
from tests.report.runs import row, write_lines, write_rows

BITS = Metric('bits', 'per character', 'lower', decides=True)
ACCURACY = Metric('accuracy', 'of images', 'higher', decides=True, share=True)
PARTS = 32


def cell(value: float, spread=0.0, seeds=1, apart=0.0, common=None, rng=None) -> noise.Cell:
    """`spread` of parts around their mean, `apart` of seeds, and what all cells have in common by part."""
    rng = rng or np.random.default_rng(0)
    common = np.zeros(PARTS) if common is None else common
    means = value + apart * rng.normal(size=seeds)
    parts = [(mean + common + spread * rng.normal(size=PARTS)).tolist() for mean in means]
    return noise.Cell({seed: float(np.mean(part)) for seed, part in enumerate(parts)}, parts)


@pytest.mark.parametrize(('spread', 'seeds', 'apart'), [(1.0, 1, 0.0), (0.0, 5, 1.0), (1.0, 3, 0.3)])
def test_95_of_100_intervals_of_a_difference_cover_it(spread, seeds, apart):
    rng, covered = np.random.default_rng(1), []
    for _ in range(1000):
        a, b = (cell(value, spread, seeds, apart, rng=rng) for value in (2.0, 2.5))
        covered.append(abs(b.mean - a.mean - 0.5) <= noise.half([(1, b), (-1, a)]))
    assert 0.93 <= np.mean(covered) <= 0.995


def test_what_two_cells_have_in_common_is_no_noise_of_their_difference():
    rng = np.random.default_rng(2)
    text_P = rng.normal(size=PARTS)
    a, b = (cell(value, 0.01, common=text_P, rng=rng) for value in (2.0, 2.1))
    assert noise.half([(1, a)]) > 0.2
    assert noise.half([(1, b), (-1, a)]) < 0.01
    assert noise.told_apart(a, b) and noise.told_apart(a, a) is False


def test_seeds_are_paired_where_they_are_the_same():
    a = noise.Cell({0: 2.0, 1: 3.0, 2: 4.0}, [[], [], []])
    b = noise.Cell({0: 2.1, 1: 3.1, 2: 4.1}, [[], [], []])
    others = noise.Cell({3: 2.1, 4: 3.1, 5: 4.1}, [[], [], []])
    assert noise.half([(1, b), (-1, a)]) == pytest.approx(0.0, abs=1e-12)
    assert noise.half([(1, others), (-1, a)]) > 2


def test_parts_of_another_number_are_joined_to_as_many():
    values = np.repeat(np.random.default_rng(3).normal(size=8), 4)
    fine, coarse = noise.Cell({0: 0.0}, [values.tolist()]), noise.Cell({0: 0.0}, [values[::4].tolist()])
    assert noise.half([(1, fine), (-1, coarse)]) == pytest.approx(0.0, abs=1e-12)


def test_of_one_seed_without_parts_nothing_is_known():
    assert noise.half([(1, noise.Cell({0: 2.0}, [[]]))]) is None
    assert noise.told_apart(noise.Cell({0: 2.0}, [[]]), noise.Cell({0: 9.0}, [[]])) is None


def test_quantiles_are_those_of_student():
    # Any table of it: 1, 2, 10, 11, 30 and 120 degrees of freedom.
    for freedom, wanted in ((1, 12.706), (2, 4.303), (10.9, 2.228), (11, 2.201), (30, 2.042), (120, 1.980)):
        assert noise.quantile(freedom) == pytest.approx(wanted, abs=6e-4)


def judged(metric: Metric, base: Point, longer: dict[int, float], half=None, reference=None) -> verdicts.Verdict:
    points = {length: Point(value, base.chance) for length, value in longer.items()}
    known = (lambda length, a, b: None) if half is None else lambda length, a, b: half * abs(a or b)
    return verdicts.judge(metric, 64, base, points, noise=known, reference=reference)


@pytest.mark.parametrize(
    ('value', 'word', 'says'),
    [
        (2.5072, 'degrades', '×1.25'),
        (2.512, 'falls apart', '×1.26'),
        (2.108, 'holds', '×1.05'),
        (2.112, 'degrades', '×1.06'),
    ],
)
def test_a_ratio_is_judged_as_it_is_printed(value, word, says):
    found = judged(BITS, Point(2.0, 4.4), {128: value})
    assert (found.word, found.left) == (word, says)


@pytest.mark.parametrize(('value', 'word', 'says'), [(0.9497, 'holds', '95 % kept'), (0.944, 'degrades', '94 % kept')])
def test_a_share_is_judged_as_it_is_printed(value, word, says):
    found = judged(ACCURACY, Point(1.0, 0.0), {128: value})
    assert (found.word, found.left) == (word, says)


def test_a_model_that_is_no_better_than_a_reference_model_is_too_weak_to_judge():
    found = judged(BITS, Point(2.1, 4.4), {128: 2.1}, reference={'5-gram': 2.0})
    assert (found.word, found.says) == ('too weak', '×1.00 at 128; worse than the 5-gram, 2.000')
    # Equal in the digits that are printed.
    assert judged(BITS, Point(1.9996, 4.4), {128: 2.0}, reference={'5-gram': 2.0}).word == 'too weak'
    assert judged(BITS, Point(1.98, 4.4), {128: 2.0}, reference={'5-gram': 2.0}).word == 'holds'
    unsure = judged(BITS, Point(1.98, 4.4), {128: 2.0}, half=0.05, reference={'5-gram': 2.0})
    assert (unsure.word, unsure.note) == ('too weak', 'not told from the 5-gram, 2.000')
    assert judged(ACCURACY, Point(0.2, 0.1), {128: 0.2}, half=0.15).note == 'not told from chance, 0.100'


def test_a_better_model_never_falls_apart_where_a_worse_one_does_not():
    """As rope and sinusoidal did by a ratio of their own: fewer bits at every length, and the worse word."""
    reference = {'unigram': 4.4, '5-gram': 2.0}
    better, worse = ((1.83, 2.31), (1.97, 2.43))
    for base, value in (better, worse):
        assert judged(BITS, Point(base, 4.4), {128: value}, reference=reference).word == 'degrades'
    assert judged(BITS, Point(1.83, 4.4), {128: 2.31}).word == 'falls apart', 'without a reference model'
    for base in (1.2, 1.98):
        assert judged(BITS, Point(base, 4.4), {128: 2.51}, reference=reference).word == 'falls apart'
        assert judged(BITS, Point(base, 4.4), {128: 2.5}, reference=reference).word == 'degrades'
        assert judged(BITS, Point(base, 4.4), {128: 2.49}, half=0.02, reference=reference).allows == ('falls apart',)
    # One that is chance itself is no limit.
    assert judged(BITS, Point(2.0, 4.4), {128: 2.6}, reference={'unigram': 4.4}).word == 'falls apart'


def test_a_word_that_noise_could_change_says_so():
    assert judged(BITS, Point(2.0, 4.4), {128: 2.12}, half=0.001).allows == ()
    found = judged(BITS, Point(2.0, 4.4), {128: 2.12}, half=0.05)
    assert (found.word, found.allows) == ('degrades', ('holds',))
    assert found.says == '×1.06 at 128; noise allows: holds'
    assert judged(ACCURACY, Point(0.9, 0.1), {128: 0.51}, half=0.02).allows == ('falls apart',)


def test_a_curve_that_rises_again_dips_and_says_where():
    found = judged(ACCURACY, Point(0.93, 0.1), {65: 0.701, 128: 0.8, 512: 0.934})
    assert (found.word, found.says) == ('dips', '72 % kept at 65; 100 % kept at 512')
    found = judged(BITS, Point(2.0, 4.4), {65: 2.6, 512: 2.2})
    assert (found.word, found.says) == ('falls apart', '×1.30 at 65; ×1.10 at 512')


def run_with_parts(folder, run: str, values: dict[int, float], spread: float, seeds=(0,)):
    """Rows of both protocols, and parts that vary by so much around them, alike everywhere but for a tenth of it."""
    rng = np.random.default_rng(sum(run.encode()))
    text_P, rows, parts = spread * np.random.default_rng(0).normal(size=PARTS), [], []
    for length, value in values.items():
        for seed in seeds:
            for protocol in ('windows', 'sliding'):
                metric = f'{protocol}/bits_per_character'
                rows.append(row(run, seed=seed, length=length, metric=metric, value=value))
                of_cell = value + text_P + 0.1 * spread * rng.normal(size=PARTS)
                known = {'run': run, 'step': 2000, 'split': 'test', 'length': length, 'metric': metric, 'seed': seed}
                parts.append({**known, 'values': of_cell.tolist()})
    write_rows(folder, rows)
    write_lines(folder / 'parts.jsonl', parts)
    return folder


def test_the_parts_of_a_run_make_the_noise_of_its_verdict(tmp_path):
    for name, spread in (('sure', 0.01), ('unsure', 2.0)):
        run_with_parts(tmp_path / name, name, {128: 2.0, 256: 2.12}, spread)
    board = boards.boards(folder_lib.read(tmp_path))[0]
    assert board.verdict('sure', 'windows').allows == ()
    assert board.verdict('unsure', 'sliding').allows == ('holds',)


def test_the_best_is_told_from_the_others_by_noise_and_by_values_alone(tmp_path):
    """One loses less of what it had, the other one is better at every length: no sentence may rank the first above."""
    run_with_parts(tmp_path / 'steep', 'steep', {128: 1.8, 256: 2.3}, 0.5)
    run_with_parts(tmp_path / 'flat', 'flat', {128: 2.0, 256: 2.31}, 0.5)
    board = boards.boards(folder_lib.read(tmp_path))[0]
    assert [board.verdict(run, 'windows').word for run in ('steep', 'flat')] == ['falls apart', 'degrades']
    lead, rest = texts.headline(board, single=False)
    assert lead == 'Trained on 128 tokens and scored up to 256: steep falls apart; flat degrades.'
    assert 'Lowest at 128: by windows steep with 1.800 bits per character; by last tokens steep' in rest
    assert 'Lowest at 256: by windows steep with 2.300 bits per character (flat: within noise)' in rest


def test_damaged_parts_are_named_by_file_and_line(tmp_path):
    folder = run_with_parts(tmp_path, 'rope', {128: 2.0}, 0.1)
    with (folder / 'parts.jsonl').open('a') as file:
        file.write(json.dumps({'run': 'rope', 'values': ['x']}) + '\n')
    with pytest.raises(report.ReportError, match=r'parts\.jsonl, line 3'):
        folder_lib.read(folder)


def test_the_page_says_where_noise_is_unknown(tmp_path):
    run_with_parts(tmp_path / 'new', 'new', {128: 2.0, 256: 2.1}, 0.1)
    text = report.build(tmp_path / 'new', terminal=False).markdown.read_text()
    assert 'jackknife' in text and '--mode=evaluate' not in text
    write_rows(tmp_path / 'old', [row('old', length=n) for n in (128, 256)])
    assert '--mode=evaluate' in report.build(tmp_path / 'old', terminal=False).markdown.read_text()
