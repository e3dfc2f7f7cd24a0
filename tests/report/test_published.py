"""Numbers of papers: what a file of them has to say, and that none from memory passes for a published one."""

import copy
import json

import pytest

from posbench.report import published
from posbench.report.rows import ReportError

CELL = {'run': 'alibi', 'metric': 'windows/perplexity', 'length': 3072, 'value': 17.6, 'sd': None,
        'provenance': 'read at the source', 'page': 6}  # fmt: skip
TABLE = {'paper': 'Press et al. 2022', 'table': 'Table 2', 'source': 'arXiv:2108.12409', 'cells': [CELL]}


def load(path, item):
    path.write_text(item if isinstance(item, str) else json.dumps(item))
    return published.load(path)


def test_a_table_is_read_with_the_place_of_each_number(tmp_path):
    other = CELL | {'run': 'rope', 'length': None, 'sd': 0.24, 'provenance': 'second-hand', 'page': 'appendix B'}
    found = load(tmp_path / 'press.json', TABLE | {'cells': [CELL, other], 'note': '16 layers'})
    assert (found.paper, found.table, found.source, found.note) == (*list(TABLE.values())[:3], '16 layers')
    assert found.find('alibi', 'windows/perplexity', 3072).value == 17.6
    assert found.find('alibi', 'windows/perplexity', 512) is None
    assert [(cell.text, cell.said) for cell in found.cells] == [
        ('17.6', 'page 6'),
        ('17.6 (SD 0.24)', 'second-hand, appendix B'),
    ]


def test_a_number_from_memory_says_so_whatever_else_is_known_of_it(tmp_path):
    pages = (None, 6, 'table 1')
    cells = [CELL | {'length': n, 'provenance': 'from memory', 'page': page} for n, page in enumerate(pages, start=1)]
    found = load(tmp_path / 'a.json', TABLE | {'cells': cells}).cells
    assert [(cell.text, cell.said) for cell in found] == [
        ('17.6 (from memory)', place) for place in ('', 'page 6', 'table 1')
    ]
    unplaced = load(tmp_path / 'b.json', TABLE | {'cells': [CELL | {'page': None}]})
    assert unplaced.cells[0].said == 'read at the source'
    assert load(tmp_path / 'c.json', TABLE | {'cells': [CELL | {'value': None}]}).cells[0].text == '—'


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'provenance': 'memory'}, "cell 1: provenance: got 'memory'.*did you mean 'from memory'"),
        ({'value': '17.6'}, "cell 1: value: got '17.6', wanted a number"),
        ({'value': float('nan')}, 'cell 1: value: got nan'),
        ({'value': True}, 'cell 1: value: got True'),
        ({'sd': -1}, 'cell 1: sd: got -1'),
        ({'length': 0}, 'cell 1: length: got 0'),
        ({'length': 12.5}, 'cell 1: length: got 12.5'),
        ({'run': ''}, "cell 1: run: got ''"),
        ({'page': [6]}, r'cell 1: page: got \[6\]'),
        ({'pages': 6}, 'cell 1: unknown pages'),
    ],
)
def test_a_bad_cell_is_one_line_that_says_what_it_got_and_what_it_wanted(tmp_path, change, words):
    with pytest.raises(ReportError, match=words) as error:
        load(tmp_path / 'a.json', TABLE | {'cells': [CELL | change]})
    assert str(error.value).startswith(f'{tmp_path / "a.json"}: ') and '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('item', 'words'),
    [
        ('{"paper": ', 'damaged, not JSON'),
        ('[1]', r'it: got \[1\], wanted an object with paper, table, source, cells'),
        (TABLE | {'cells': []}, 'wanted a list of at least one cell'),
        (TABLE | {'cells': [CELL, copy.copy(CELL)]}, 'cell 2: a second one for alibi, windows/perplexity, length 3072'),
        ({name: TABLE[name] for name in ('paper', 'table', 'cells')}, 'it: missing source'),
    ],
)
def test_a_bad_file_is_one_line(tmp_path, item, words):
    with pytest.raises(ReportError, match=words) as error:
        load(tmp_path / 'a.json', item)
    assert '\n' not in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ReportError, match=r'none\.json: cannot be read'):
        published.load(tmp_path / 'none.json')


def test_a_study_keeps_the_tables_of_its_experiment_and_no_others(tmp_path):
    home, study = tmp_path / 'published', tmp_path / 'study'
    home.mkdir(), study.mkdir()
    for name in ('press', 'press_sliding', 'pressed', 'shaw'):
        (home / f'{name}.json').write_text(json.dumps(TABLE | {'table': name}))
    published.keep(tmp_path / 'press.py', study)
    assert [one.table for one in published.of_study(study)] == ['press', 'press_sliding']
    (home / 'press.json').unlink()
    published.keep(tmp_path / 'press.py', study)
    assert [one.table for one in published.of_study(study)] == ['press_sliding']
    (home / 'press.json').write_text('{}')
    with pytest.raises(ReportError, match='missing paper'):
        published.keep(tmp_path / 'press.py', study)
    assert [one.table for one in published.of_study(study)] == ['press_sliding']
    assert published.of_study(tmp_path / 'none') == []
