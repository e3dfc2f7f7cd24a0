"""The page around the tables: its title and question, what the model says, and what it does not say of one seed."""

import dataclasses
import json
import re

import pytest

from posbench import report
from posbench.report import boards, curves, markdown, matrices, page, provenance
from posbench.report import folder as folder_lib
from tests.report import studies
from tests.report.runs import row, rows_of, write_rows, write_run


def page_of(folder) -> str:
    return report.build(folder, terminal=False).html.read_text('utf-8')


def test_one_seed_is_said_once_and_three_have_intervals(tmp_path):
    for count, folder in ((1, tmp_path / 'one'), (3, tmp_path / 'three')):
        html = page_of(write_run(folder, seeds=range(count)))
        assert bool(re.search('interval|±|bootstrap', html)) == (count == 3)
        assert html.count(f'Mean over {count} seed') == 1
        assert html.count('1 seed') == (count == 1)


def test_one_seed_of_a_study_has_no_words_of_intervals(tmp_path):
    for run in ('rope', 'alibi'):
        write_run(tmp_path / run, run, range(1))
    html = page_of(tmp_path)
    assert not re.search(r'interval|±|bootstrap', html)
    assert 'Of one seed' in html


def test_a_study_has_the_title_and_the_question_of_its_experiment(study_folder):
    study = folder_lib.read(study_folder)
    plain = page.to_html(page.content(study, boards.boards(study), {}))
    assert f'<h1>{study_folder.name}</h1>' in plain and 'class="question"' not in plain
    study = dataclasses.replace(study, title='length_curves', question='What <happens> past it?')
    item = page.content(study, boards.boards(study), {})
    assert '<h1>length_curves</h1>\n<p class="question">What &lt;happens&gt; past it?</p>' in page.to_html(item)
    assert page.to_markdown(item).startswith('# length_curves\n\nWhat &lt;happens&gt; past it?\n')


def test_settings_that_change_numbers_are_seen_at_once(run_folder):
    config = json.loads((run_folder / 'config.json').read_text())
    (run_folder / 'config.json').write_text(json.dumps(config | {'dtype': 'bfloat16', 'parallel': 'pmap'}))
    fingerprint = {'jax': '0.10.2', 'data': {'train': 'c0ffee', 'test': 'decaf'}, 'sources': {'posbench': 'abc'}}
    (run_folder / 'fingerprint.json').write_text(json.dumps(fingerprint))
    facts = dict(provenance.facts(folder_lib.read(run_folder)))
    wanted = {'dtype': 'bfloat16', 'parallel': 'pmap', 'data.train': 'c0ffee', 'data.test': 'decaf'}
    assert {name: facts.get(name) for name in wanted} == wanted
    assert '>sources.posbench</dt><dd>abc<' in page_of(run_folder)


def test_what_the_model_says_is_shown_as_it_is(run_folder):
    said = 'A wife\n\n  in <want> of ``` a fortune'
    (run_folder / 'samples.json').write_text(json.dumps({'about': 'Seed 0, step 60.', 'texts': [said]}))
    html = page_of(run_folder)
    assert '<pre>A wife\n\n  in &lt;want&gt; of ``` a fortune</pre>' in html and 'Seed 0, step 60.' in html
    assert f'````text\n{said}\n````' in (run_folder / 'report.md').read_text('utf-8')
    (run_folder / 'samples.json').write_text('{"texts": 3}')
    with pytest.raises(report.ReportError, match=r'samples\.json: wanted about'):
        page_of(run_folder)


def test_a_fence_is_longer_than_any_in_the_text():
    assert markdown.verbatim('a ````` b').splitlines()[0] == '``````text'


def test_every_row_of_a_study_names_its_columns_where_they_are_not_above_it(study_folder):
    """On a narrow screen each row is a card: name, verdict, then each length with its value."""
    html = page_of(study_folder)
    line = re.search(r'<th scope="row"[^>]*>alibi<.*?</tr>', html, re.DOTALL).group()
    assert re.search(r'alibi</th>\s*<td class="word"[^>]*><span class="verdict holds">', line), 'right behind the name'
    lengths = ['128 1×', '129 first unseen', '256 2×', '512 4×', '1,024 8×']
    assert re.findall(r'data-label="([^"]*)"', line) == ['verdict', *lengths, 'parameters of the encoding']


def test_the_learning_curves_have_room_for_all_of_their_values(run_folder):
    study = folder_lib.read(run_folder)
    figure = curves.learning(study.runs, 'title')
    low, high = figure.axes[0].get_ylim()
    values = [line['value'] for line in study.runs[0].metrics if line['name'] == 'loss']
    assert low < min(values) and max(values) < high


def test_a_matrix_has_the_names_of_its_axes(tmp_path):
    axes = matrices.figure(studies.confusion(0.7), 'title').axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ('said', 'true')


def test_a_name_that_is_no_utf8_is_written_as_escapes(tmp_path):
    folder = write_rows(tmp_path / 'rope', [row('rope \udcff')])
    assert r'rope \udcff' in page_of(folder)


def test_chance_stands_in_every_table_of_a_text(tmp_path):
    rows = [item for item in rows_of('rope', range(1)) if not item['run'].startswith('baseline')]
    write_rows(tmp_path / 'rope', rows)
    write_rows(tmp_path / 'alibi', [item | {'run': 'alibi'} for item in rows])
    task = json.loads((tmp_path / 'rope' / 'task.json').read_text()) | {'chance': 'a unigram, on all tokens'}
    for run in ('rope', 'alibi'):
        (tmp_path / run / 'task.json').write_text(json.dumps(task))
    study = folder_lib.read(tmp_path)
    html = page_of(tmp_path)
    assert html.count('>chance</th>') == len(boards.boards(study)[0].task.protocols) + 1, (
        'two rows, and a column of all'
    )
    assert html.count('Chance: a unigram, on all tokens.') == 2
