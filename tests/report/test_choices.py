"""The report of a grid: what each choice does, in the right direction and unit, and no figures of runs without end."""

import itertools
import json

import pytest

from posbench import report
from posbench.report import boards, choices, page
from posbench.report import folder as folder_lib
from tests.report import test_named
from tests.report.runs import row, write_rows

BODIES, VECTORS = ('encoder', 'bilstm'), ('random', 'glove', 'svd')
# What is added to the deciding metric.
OF = dict(encoder=0.0, bilstm=-0.25, random=0.0, glove=-0.5, svd=0.125)


def write(folder, levels: dict[str, dict[str, str]]):
    """A study of these runs, with one length and two seeds."""
    from posbench import identity

    ids = {}
    for name, own in levels.items():
        config = test_named.config_of('rope', seeds=[0, 1], dataset=dict(name=name))
        ids[name] = identity.config_hash(config)
        rows = [
            row(name, seed=seed, value=2.0 + sum(OF.get(level, 0.0) for level in own.values()), config_hash=ids[name])
            for seed in range(2)
        ]
        write_rows(folder / name, rows)
        (folder / name / 'config.json').write_text(json.dumps(config))
    item = dict(title='A grid', question='?', experiment='a.py', overrides={}, runs=ids, levels=levels)
    (folder / 'study.json').write_text(json.dumps(item))
    return folder


@pytest.fixture(scope='module')
def grid(tmp_path_factory):
    cells = {f'{body}-{vectors}': dict(body=body, vectors=vectors)
             for body, vectors in itertools.product(BODIES, VECTORS)}  # fmt: skip
    return write(tmp_path_factory.mktemp('grid'), cells)


def test_each_level_stands_beside_the_first_one_of_its_choice(grid):
    study = folder_lib.read(grid)
    (board,) = boards.boards(study)
    found = choices.of_board(board, study.levels)
    assert [(one.name, one.pairs, one.overall.mean) for one in found] == [
        ('body: bilstm, not encoder', 3, -0.25),
        ('vectors: glove, not random', 2, -0.5),
        ('vectors: svd, not random', 2, 0.125),
    ]
    table = choices.table(board, found)
    assert 'less is better' in table.note
    assert [column.group for column in table.columns] == ['', '', '', 'vectors', 'vectors', 'vectors', 'body', 'body']
    assert [cell.text for cell in table.rows[1][1:]] == ['-0.500', '2', '—', '—', '—', '-0.500', '-0.500']
    # A part of the study that has fewer choices does not say which level is the first.
    more = {'svd': dict(vectors='svd')} | study.levels
    assert [one.name for one in choices.of_board(board, more)] == [one.name for one in found]
    assert choices.of_board(board, {}) == [] and not study.is_of_encodings
    assert choices.of_board(board, {run: {'vectors': own['vectors']} for run, own in study.levels.items()}) == []


def test_the_page_and_the_files_have_it(grid):
    made = report.build(grid, terminal=False)
    assert choices.TITLE in made.html.read_text() and choices.TITLE in made.markdown.read_text()
    assert made.headline.startswith(
        'What moves the bits per character most (less is better): vectors: glove, not random: -0.500; body: bilstm, '
        'not encoder: -0.250. Of 6 runs the best is bilstm-glove with 1.250, the last encoder-svd with 2.125; 2 seeds '
        'each.'
    )
    assert (grid / 'choices.png').is_file()
    text = (grid / 'tables' / 'what-each-choice-does.csv').read_text()
    assert 'glove, not random' in text and '-0.5' in text
    assert not (grid / 'leaderboard.html').exists()


def test_of_many_runs_a_page_has_no_figures_of_each(tmp_path):
    cells = {f'{number}-{body}': dict(number=str(number), body=body)
             for number, body in itertools.product(range(page.MANY // 2 + 1), BODIES)}  # fmt: skip
    made = report.build(write(tmp_path, cells), terminal=False)
    assert [picture.name for picture in made.figures] == ['choices.png']
    assert f'more than {page.MANY} runs' in made.html.read_text()
