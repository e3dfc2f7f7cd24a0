"""Names in letters that the figures' font does not have."""

import io
import warnings

import pytest

from posbench import report
from posbench.report import boards, canvas, fonts, terminal
from posbench.report import folder as folder_lib
from tests.report.runs import row, write_rows

CHINESE = '旋转位置编码'


@pytest.fixture
def no_other_font(monkeypatch):
    monkeypatch.setattr(fonts, '_other', lambda character: None)
    fonts._drawn.cache_clear()
    yield
    fonts._drawn.cache_clear()


def test_what_no_font_has_is_written_as_escapes(no_other_font):
    assert fonts.legible('rope é × 旋') == r'rope é × \u65cb'
    assert fonts.families('rope') == [fonts.FAMILY]


def test_a_font_of_this_machine_that_has_them_is_taken(monkeypatch):
    monkeypatch.setattr(fonts, '_other', lambda character: 'Some CJK')
    fonts._drawn.cache_clear()
    try:
        assert fonts.legible(CHINESE) == CHINESE
        assert fonts.families(f'rope {CHINESE}') == [fonts.FAMILY, 'Some CJK']
    finally:
        fonts._drawn.cache_clear()


def test_no_figure_has_a_box_and_nothing_is_warned_of(no_other_font, tmp_path):
    for run in (CHINESE, f'{CHINESE}二', 'rope'):
        values = {(n, seed): 2 + n / 1000 for n in (128, 256) for seed in range(2)}
        write_rows(tmp_path / run, [row(run, length=n, seed=seed, value=v) for (n, seed), v in values.items()])
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        made = report.build(tmp_path, terminal=False)
    assert f'{CHINESE}二' in made.html.read_text('utf-8'), 'the page has the name as it is'


def test_a_terminal_without_a_letter_has_its_escape_and_straight_columns(tmp_path):
    for run in ('编码', 'rope'):
        write_rows(tmp_path / run, [row(run, length=n) for n in (128, 256)])
    study = folder_lib.read(tmp_path)
    file = io.TextIOWrapper(io.BytesIO(), encoding='latin-1')
    terminal.show(study, boards.boards(study), [], file=file)
    file.flush()
    lines = file.buffer.getvalue().decode('latin-1').splitlines()
    ends = [line.index(' 2.00') for line in lines if line.startswith(('rope ', r'\u7f16\u7801 ')) and ' 2.00' in line]
    assert len(ends) == 2 and len(set(ends)) == 1


def test_the_middle_of_a_long_name_is_left_out():
    assert canvas.name('rope with encoding alibi', 22) == 'rope with e…ding alibi'
    assert canvas.name('rope', 22) == 'rope'
    assert canvas.short('a' * 50, 10) == 'a' * 9 + '…'
    assert fonts.cells('旋a') == 3
