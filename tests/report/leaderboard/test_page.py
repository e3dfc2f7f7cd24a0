"""The leaderboard as a page: complete without a script, filtered with one, its numbers those of the rows."""

import csv
import html
import json
import re

import numpy as np
import pytest

from posbench import report
from posbench.report import canvas, leaderboard
from posbench.report import folder as folder_lib
from posbench.report.leaderboard import page as page_lib
from posbench.report.leaderboard import scores, standings, studies, svg
from tests.report import runs
from tests.report.leaderboard import fields, test_scores
from tests.report.test_named import write as write_named

SEEDS = range(3)


def built(folder) -> leaderboard.Built:
    return leaderboard.build(folder, [studies.of(folder_lib.read(folder))])


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    """Read by many tests, changed by none."""
    folder = fields.write(tmp_path_factory.mktemp('small'), test_scores.FEW, test_scores.TASKS, SEEDS)
    (folder / 'copy-none' / 'rows.jsonl').unlink()
    (folder / 'copy-none' / 'failed.json').write_text(
        json.dumps(dict(run='copy-none', kind='error', reason='out of <memory>'))
    )
    return built(folder)


def board_of(page: str) -> dict[str, list[str]]:
    """The first table by encoding, as a reader without a script has it."""
    body = re.search(r'<div id="board".*?<tbody>(.*?)</tbody>', page, re.DOTALL)[1]
    found = {}
    for row in re.findall(r'<tr.*?</tr>', body, re.DOTALL):
        cells = [
            re.sub(r'<small>(.*?)</small>', r' \1', cell) for cell in re.findall(r'<t[hd].*?</t[hd]>', row, re.DOTALL)
        ]
        cells = [html.unescape(' '.join(re.sub(r'<[^>]+>', '', cell).split())) for cell in cells]
        found[cells[0].split()[0]] = cells
    return found


def test_numbers_of_the_page_are_those_of_the_rows(small):
    page, folder = small.html.read_text(), small.html.parent
    found = board_of(page)
    for run in ('rope', 'alibi', 'fire'):
        beyond, at = (test_scores.by_hand(folder, run, beyond=flag) for flag in (True, False))
        assert found[run][3].split()[0] == f'{beyond:.3f}' and found[run][4].split()[0] == f'{at:.3f}'
    lines = list(csv.DictReader((folder / 'leaderboard/tables/leaderboard.csv').open(encoding='utf-8')))
    by_name = {line['encoding']: line for line in lines}
    assert float(by_name['alibi']['beyond training mean']) == pytest.approx(
        test_scores.by_hand(folder, 'alibi', beyond=True), abs=1e-12
    )
    assert float(by_name['alibi']['FLOPs']) == pytest.approx(
        np.average([6 * 918_912 + 12 * 4 * 128 * n for n in (32, 64, 128)], weights=[32, 64, 128])
    )
    assert found['none'][-1] == 'length/copy: failed: out of <memory>'


def test_what_is_chosen_is_what_the_statistics_say(small):
    """The numbers that the script puts into the table."""
    page = small.html.read_text()
    views = json.loads(re.search(r'id="views">(.*?)</script>', page, re.DOTALL)[1])
    index = {name: str(i) for name, i in small.item.index.items()}
    tasks = list(small.item.results.scores.problems)
    assert set(views) == {f'{t}|{n}' for t in ('', *map(str, range(3))) for n in ('beyond', '1×', '2×', '4×', '8×')}
    for key, problems in ((f'{tasks.index("length/copy")}|4×', ['length/copy']), ('|8×', tasks)):
        view = scores.view(small.item.results.scores, key.partition('|')[2], problems)
        for place in standings.places(view):
            shown = views[key]['places'][index[place.entrant]]
            assert shown['score'][0] == f'{place.score.mean:.3f}' and shown['letters'] == place.letters
            assert shown['score'][2:] == pytest.approx([place.score.mean, place.score.low, place.score.high], abs=1e-5)
    assert views['|beyond']['note'] in html.unescape(page)


def test_it_asks_the_network_for_nothing_and_names_are_text(tmp_path):
    evil = '<script>alert(1)</script>|`$x_$'
    fields.write(tmp_path, ('rope', 'alibi'), test_scores.TASKS[:2], SEEDS)
    for short, name in (('copy', 'length/copy'), ('flip_flop', 'retrieval/flip_flop')):
        rows = [row | {'run': evil, 'device': evil} for row in fields.rows_of('fire', name, SEEDS)]
        runs.write_rows(tmp_path / f'{short}-evil', rows, fields.task(name))
    (tmp_path / 'failed.json').write_text(json.dumps({'run': evil, 'reason': evil}))
    made = built(tmp_path)
    texts = [made.html.read_text(), made.markdown.read_text(), *(path.read_text() for path in made.figures)]
    assert all('<script>alert' not in text for text in texts) and 'alert(1)' in texts[0]
    assert len(re.findall('</script>', texts[0])) == 2
    assert not re.findall(r'(?:src|href|action|data)\s*=\s*["\']?\s*(?:https?:)?//', texts[0])
    assert not re.findall(r'@import|url\(|fetch\(|XMLHttpRequest|<link[^>]*stylesheet|<iframe|<img', texts[0])


def test_the_same_rows_are_the_same_bytes(tmp_path):
    found = []
    for name in ('a', 'b'):
        folder = fields.write(tmp_path / name / 'suite', ('rope', 'alibi', 'learned'), test_scores.TASKS[:2], SEEDS)
        made = built(folder)
        found.append([path.read_bytes() for path in (made.html, made.markdown, *made.figures, *made.tables)])
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ('names', 'tasks', 'seeds'),
    [
        (('rope',), ('length/copy',), range(3)),
        (('rope', 'alibi'), ('length/copy',), range(1)),
        (('rope', 'alibi', 'none'), ('length/copy', 'length/sort'), range(2)),
        (('learned',), ('length/copy', 'length/sort'), range(3)),
    ],
)
def test_few_of_anything_is_a_page_too(tmp_path, names, tasks, seeds):
    """One task, one encoding, one seed, no reference model: less is said, and nothing breaks."""
    made = built(fields.write(tmp_path, names, tasks, seeds))
    page = made.html.read_text()
    assert set(board_of(page)) == set(names)
    assert ('Critical-difference' in page) == (len(names) > 2 and len(tasks) > 1)
    assert ('pairs</summary>' in page) == (len(names) > 1 and len(seeds) > 2)
    assert bool(re.search(r'\[-?\d\.\d+, ', page)) == (len(seeds) > 2)


def test_only_a_training_length_is_ranked_at_it(tmp_path):
    made = built(fields.write(tmp_path, ('rope', 'alibi'), ('length/copy', 'length/sort'), SEEDS, multiples=(1,)))
    assert 'at the training length' in made.headline and 'beyond' not in made.headline
    assert 'of alibi' not in made.headline and len(board_of(made.html.read_text())['rope']) == 9


def test_every_figure_has_every_encoding_and_the_training_length(small):
    page = small.html.read_text()
    charts = re.findall(r'<figure data-task.*?</figure>', page, re.DOTALL)
    assert len(charts) == 3 and all('class="mark"' in chart and 'class="b"' in chart for chart in charts)
    assert [chart.count('<g class="e') for chart in charts] == [3, 4, 4], 'all but the one that failed'
    assert svg.PALETTE == canvas.PALETTE and len(svg.DASHES) == len(canvas.DASHES)
    buttons = re.findall(r'<button type="button" data-e="(\d+)"', page)
    assert sorted(buttons) == [str(i) for i in range(4)]
    for path in small.figures:
        text = path.read_text()
        assert all(f'[data-e="{i}"]{{--c:' in text for i in re.findall(r'data-e="(\d+)"', text)), path.name


def test_a_page_of_24_encodings_8_tasks_and_5_seeds_is_small(tmp_path):
    folder = fields.write(tmp_path)
    fields.damage(folder)
    made = built(folder)
    assert made.html.stat().st_size < 3_000_000
    found = board_of(made.html.read_text())
    assert set(found) == set(fields.ENCODINGS)
    assert found['learned'][-1] == 'nan on 8 tasks' and 'out of memory' in found['path'][-1]
    assert 'tupe_r lacks it' in made.markdown.read_text()


def test_tables_that_are_too_long_are_in_their_files_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(page_lib, 'MOST', 15)
    made = built(fields.write(tmp_path, ('rope', 'alibi', 'none'), ('length/copy', 'length/sort'), SEEDS))
    page = made.html.read_text()
    assert '24 rows, too many for this page' in page and 'href="leaderboard/tables/cells.csv"' in page
    assert 'download="cells.csv"' not in page and 'download="pairs.csv"' in page
    assert len((tmp_path / 'leaderboard/tables/cells.csv').read_text().splitlines()) == 25


def test_a_folder_of_studies_is_a_page_for_each_and_a_leaderboard_of_all(tmp_path, capsys):
    fields.write(tmp_path / 'mini', ('rope', 'alibi', 'none'), ('length/copy', 'length/sort'), SEEDS)
    write_named(tmp_path / 'named', ('rope', 'alibi'))
    later = dict(title='later', question='What <then>?', experiment='experiments/later.py', runs={'a': 'b'})
    (tmp_path / 'later').mkdir()
    cell = dict(run='rope', task='length/copy', metric='answers/exact_match', length=256, value=0.625, sd=None)
    paper = dict(paper='Someone <et al.> 2020', table='Table 1', source='arXiv:2001.00001')
    paper['cells'] = [cell | dict(provenance='from memory', page=None)]
    (tmp_path / 'mini' / 'published').mkdir()
    (tmp_path / 'mini' / 'published' / 'a.json').write_text(json.dumps(paper))
    (tmp_path / 'later' / 'study.json').write_text(json.dumps(later | {'overrides': {'train.steps': '40'}}))
    made = report.build(tmp_path)
    # A terminal breaks lines where it ends.
    said = capsys.readouterr().out.replace('\n', '')
    page = made.html.read_text()
    assert made.html == tmp_path / 'leaderboard.html' and not (tmp_path / 'report.html').exists()
    for name in ('mini', 'named'):
        assert (tmp_path / name / 'report.html').exists() and f'href="{name}/report.html"' in page
    assert (tmp_path / 'mini' / 'leaderboard.html').exists(), 'a study of two tasks has one of its own'
    command = (
        f'python launch.py --experiment=experiments/later.py --workdir={tmp_path / "later"} --config.train.steps=40'
    )
    assert html.escape(command) in page and 'What &lt;then&gt;?' in page
    assert 'alibi' in said and 'leaderboard.html' in said
    ours = [row['value'] for row in fields.rows_of('rope', 'length/copy', SEEDS) if row['length'] == 256]
    row = re.search(r'<h3>Someone &lt;et al.&gt; 2020, Table 1</h3>.*?<tbody>(.*?)</tr>', page, re.DOTALL)[1]
    assert '0.625 (from memory)' in row and f'>{np.mean(ours):.3f} ±' in row.replace('\n', '')


def test_runs_beside_each_other_that_no_study_names_are_compared(tmp_path):
    fields.write(tmp_path, ('rope', 'alibi'), ('length/copy',), SEEDS)
    fields.write(tmp_path / 'again', ('rope',), ('length/copy',), SEEDS)
    write_named(tmp_path / 'named', ('none',))
    found = studies.read(studies.find(tmp_path))
    assert [one.title for one in found] == ['again', 'alibi', 'rope', 'A study']
    merged = studies.together(found)[-1]
    assert ([run.name for run in merged.runs], merged.single) == (['alibi', 'rope'], False)
    made = leaderboard.build(tmp_path, found)
    assert set(made.item.results.main.ranked) == {'alibi', 'rope'}


def test_a_study_of_one_task_has_no_leaderboard(tmp_path):
    fields.write(tmp_path, ('rope', 'alibi'), ('length/copy',), SEEDS)
    assert report.build(tmp_path, terminal=False).html == tmp_path / 'report.html'
    assert not (tmp_path / 'leaderboard.html').exists()


def test_a_readme_has_the_first_table(tmp_path):
    readme = tmp_path / 'README.md'
    readme.write_text('Before\n<!-- report:begin -->\n<!-- report:end -->\nAfter\n')
    fields.write(tmp_path / 'runs', ('rope', 'alibi'), ('length/copy', 'length/sort'), SEEDS)
    report.build(tmp_path / 'runs', terminal=False, readme=readme)
    text = readme.read_text()
    assert text.startswith('Before') and text.endswith('After\n') and '| alibi | ' in text
    assert 'src="runs/leaderboard/curves.svg"' in text and '(runs/leaderboard.md)' in text
