"""The table of ours beside a paper's: what stands beside what, and what is said of a number that nobody looked up."""

import csv
import json
import re

import pytest

from posbench import report
from posbench.report import boards, papers, published
from posbench.report import folder as folder_lib
from tests.report.runs import CHANCE, row, write_rows

METRIC = 'windows/bits_per_character'


def number(run='rope', length=256, value=1.57, **changes) -> dict:
    return {'run': run, 'metric': METRIC, 'length': length, 'value': value, 'sd': None,
            'provenance': 'read at the source', 'page': 6} | changes  # fmt: skip


def keep(folder, cells, **changes) -> None:
    (folder / 'published').mkdir(exist_ok=True)
    item = {'paper': 'Press et al. 2022', 'table': 'Table 2', 'source': 'arXiv:2108.12409', 'cells': cells} | changes
    (folder / 'published/press.json').write_text(json.dumps(item))


@pytest.fixture
def study(tmp_path):
    """Trained at 128, scored at 1x, 2x and 4x by three seeds."""
    for run, slope in (('rope', 0.4), ('alibi', 0.0)):
        rows = [row(run, seed=seed, length=n, value=2 + seed / 100 + slope * (n > 128))
                for seed in range(3) for n in (128, 256, 512)]  # fmt: skip
        write_rows(tmp_path / run, rows)
    return tmp_path


def table_of(folder, claims=()):
    study = folder_lib.read(folder)
    return papers.table(boards.boards(study), study.published[0], list(claims))


def texts(table) -> list[list[str]]:
    return [[f'{cell.text} | {cell.small}' if cell.small else cell.text for cell in line] for line in table.rows]


def test_ours_published_chance_and_verdict_stand_in_one_row(study):
    keep(study, [number(), number('alibi', sd=0.24)], note='16 layers.')
    claims = [{'claim': 'rope degrades', 'verdict': 'PASS', 'evidence': 'x1.20', 'runs': ['rope']},
              {'claim': 'rope is worse', 'verdict': 'FAIL', 'evidence': 'x1.01', 'runs': ['rope', 'alibi']},
              {'claim': 'of nobody', 'verdict': 'FAIL', 'evidence': 'x9'}]  # fmt: skip
    table = table_of(study, claims)
    heads = ['encoding', 'test length', 'ours', 'published', 'chance', 'verdict']
    assert [column.name for column in table.columns] == heads
    assert texts(table) == [
        ['rope', '256 | 2×', '2.410 ± 0.010', '1.57 | at 256, page 6', '4.310', 'FAIL | x1.01'],
        ['alibi', '256 | 2×', '2.010 ± 0.010', '1.57 (SD 0.24) | at 256, page 6', '4.310', 'FAIL | x1.01'],
    ]
    assert texts(table_of(study, claims[:1]))[0][-1] == 'PASS | x1.20' and texts(table_of(study))[0][-1] == '—'
    assert table.title == 'Press et al. 2022, Table 2' and '16 layers' in table.note and '2108.12409' in table.note


def test_lengths_stand_beside_each_other_by_their_multiple_of_the_training_length(study):
    cells = [number(length=n) for n in (512, 1012, 2060, 2512, None)]
    keep(study, cells, train_length=512)
    found = [(line[1], line[2].partition(' ')[0], line[3].partition(' | ')[2]) for line in texts(table_of(study))]
    assert found == [
        ('128 | 1×', '2.010', 'at 512, 1×, page 6'),
        ('256 | 2×', '2.410', 'at 1,012, 1.98×, page 6'),
        ('512 | 4×', '2.410', 'at 2,060, 4.02×, page 6'),
        ('—', '—', 'at 2,512, 4.91×, page 6'),
        ('—', '—', 'page 6'),
    ]


def test_a_published_number_that_nothing_stands_beside_keeps_its_row(study):
    keep(study, [number('kerple'), number(length=1024), number(metric='windows/accuracy'), number(value=None)])
    lines = texts(table_of(study))
    assert [line[3] for line in lines[:3]] == ['—'] * 3 and len(lines) == 4
    assert lines[3][3:5] == ['2.410 ± 0.010', '— | at 256, page 6']


def test_a_value_over_all_lengths_stands_beside_one(tmp_path):
    write_rows(tmp_path, [row(length=None, seed=seed, value=0.5) for seed in range(3)] + [row()])
    keep(tmp_path, [number(length=None, value=0.578, provenance='second-hand', page=None)])
    assert texts(table_of(tmp_path))[0][1:4] == ['all', '0.500 ± 0.000', '0.578 | second-hand']


@pytest.mark.parametrize(
    ('over', 'wanted'),
    [
        ('unseen', ['mean of 2 | 256 to 512', '2.410 ± 0.010', '1.57 | page 6', '4.310']),
        ([1, 2], ['mean of 2 | 128 to 256', '2.210 ± 0.010', '1.57 | page 6', '4.310']),
        ([1], ['128 | 1×', '2.010 ± 0.010', '1.57 | page 6', '4.310']),
        ([0.5, 1], ['—', '—', '1.57 | page 6', '—']),
    ],
)
def test_a_number_without_a_length_stands_beside_the_mean_that_the_file_says(study, over, wanted):
    keep(study, [number(length=None)], over=over)
    assert texts(table_of(study))[0][1:5] == wanted


@pytest.mark.parametrize('over', ['all', [], [0], [True], 2])
def test_what_no_mean_can_be_over_is_one_line(study, over):
    keep(study, [number()], over=over)
    with pytest.raises(report.ReportError, match=r"over: got .*, wanted 'unseen', or a list of multiples") as error:
        table_of(study)
    assert '\n' not in str(error.value)


def test_runs_of_one_name_are_told_apart_by_their_task(tmp_path):
    for task, value in (('text/austen', 2.0), ('text/wells', 3.0)):
        write_rows(tmp_path / task.replace('/', '_'), [row(task=task, value=value)])
    keep(tmp_path, [number(length=128, task=task) for task in ('text/wells', 'text/austen')])
    assert [line[:4] for line in texts(table_of(tmp_path))] == [
        ['rope', 'text/wells', '128 | 1×', '3.000'],
        ['rope', 'text/austen', '128 | 1×', '2.000'],
    ]


def test_it_is_on_the_page_and_in_its_files_and_memory_is_said_everywhere(study):
    keep(study, [number(value=51.1, provenance='from memory', page=None)])
    made = report.build(study, terminal=False)
    page, markdown = made.html.read_text('utf-8'), made.markdown.read_text('utf-8')
    assert '<h2>Beside the paper</h2>' in page and '### Press et al. 2022, Table 2' in markdown
    files = {path.suffix: path.read_text('utf-8') for path in made.tables if path.stem == 'press-et-al-2022-table-2'}
    for text in (page, markdown, files['.md'], files['.tex']):
        assert len(re.findall(r'51\.1(?! \(from memory\))', text)) == len(re.findall(r'data-sort="51\.1"', text))
        assert '51.1 (from memory)' in text
    (line,) = csv.DictReader(files['.csv'].splitlines())
    assert line['published value'] == '51.1' and line['published provenance'] == 'from memory'
    assert float(line['ours mean']) == pytest.approx(2.41) and float(line['ours chance']) == CHANCE


def test_a_damaged_file_is_one_line(study):
    keep(study, [number(provenance='somewhere')])
    with pytest.raises(report.ReportError, match=r'press\.json: cell 1: provenance') as error:
        report.build(study, terminal=False)
    assert '\n' not in str(error.value)
    assert published.of_study(study / 'rope') == []
