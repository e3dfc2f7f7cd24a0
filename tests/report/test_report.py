"""A report of a folder: what it says, what it never says, and that it says the same twice."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from posbench import report
from tests.report.runs import CHANCE, LENGTHS, row, rows_of, write_rows, write_run

REPOSITORY = Path(__file__).parents[2]


def html_of(folder: Path) -> str:
    return report.build(folder, terminal=False).html.read_text()


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}


@pytest.fixture(scope='module')
def study_page(study_folder) -> str:
    return html_of(study_folder)


def test_a_run_is_summed_up_in_a_sentence_that_follows_from_its_rows(tmp_path):
    values = {128: 1.98, 129: 1.99, 256: 2.1, 512: 2.4, 1024: 2.9}
    rows = [row(length=length, value=value) for length, value in values.items()]
    rows += [row('baseline:unigram', seed=None, length=None, value=CHANCE, train_length=None)]
    made = report.build(write_run(tmp_path / 'rope', rows=rows), terminal=False)
    assert made.headline == (
        'rope, trained on 128 tokens, falls apart beyond them: 1.98 bits per character at 128, 2.90 at 1,024 (×1.46). '
        'On the same data: unigram 4.31.'
    )


def test_the_thresholds_behind_the_words_stand_in_the_page(study_page):
    assert 'at most ×1.05' in study_page and 'at most ×1.25' in study_page


def test_the_same_files_give_the_same_bytes(tmp_path):
    made = []
    for name in ('a', 'b'):
        folder = write_run(tmp_path / name / 'rope', seeds=range(3))
        report.build(folder, terminal=False)
        report.build(folder, terminal=False)
        made.append(hashes(folder))
    assert {'report.html', 'report.md', 'lengths.png', 'positions.png', 'learning.png', 'encoding.png'} <= set(made[0])
    assert made[0] == made[1]


def test_the_page_asks_the_network_for_nothing(study_page):
    assert not re.findall(r'(?:src|href|action|data)\s*=\s*["\']?\s*(?:https?:)?//', study_page)
    assert not re.findall(r'@import|url\(|fetch\(|XMLHttpRequest|<link[^>]*stylesheet|<iframe', study_page)
    assert set(re.findall(r'src="([a-z/]+[:;])', study_page)) == {'data:'}


def test_names_are_text_and_never_markup(tmp_path):
    evil = '<script>alert(1)</script>|`$x_$'
    folder = write_run(tmp_path / 'study' / 'evil', evil, range(1), device=evil, task=evil)
    write_run(tmp_path / 'study' / 'rope', seeds=range(1), task=evil)
    (tmp_path / 'study' / 'failed.json').write_text(json.dumps({'run': evil, 'reason': evil}))
    (folder / 'fingerprint.json').write_text(json.dumps({evil: evil}))
    made = report.build(tmp_path / 'study', terminal=False)
    assert 'alert(1)' in made.html.read_text()
    assert '<script>alert' not in made.html.read_text()
    assert '<script>' not in made.markdown.read_text()
    line = next(line for line in made.markdown.read_text().splitlines() if 'alert' in line and line.startswith('|'))
    assert r'\|\`' in line


def test_every_length_of_every_run_is_in_the_table(study_page):
    for length in LENGTHS:
        assert re.search(rf'<th scope="col"[^>]*>{length:,}<', study_page)
    assert 'first unseen' in study_page
    for run in ('rope', 'alibi', 'randomized_rope', 'learned'):
        assert re.search(rf'<th scope="row"[^>]*>{run}<', study_page)


def test_runs_are_sorted_by_quality_at_the_training_length(tmp_path):
    for run, base in (('a', 2.3), ('b', float('nan')), ('c', 1.9), ('d', 2.1)):
        write_run(tmp_path / 'study' / run, run, range(1), base, 0.1)
    names = re.findall(r'<th scope="row"[^>]*>([a-d])<', html_of(tmp_path / 'study'))
    assert names[:4] == ['c', 'd', 'a', 'b']


def test_a_missing_cell_is_a_dash(tmp_path):
    write_run(tmp_path / 'study' / 'rope', 'rope', range(3))
    short = [line for line in rows_of('alibi', range(3)) if line['length'] != 1024]
    write_run(tmp_path / 'study' / 'alibi', 'alibi', range(3), rows=short)
    made = report.build(tmp_path / 'study', terminal=False)
    line = next(line for line in made.markdown.read_text().splitlines() if line.startswith('| alibi'))
    cells = [cell.strip() for cell in line.split('|')][1:-1]
    assert cells[6] == '—' and '—' not in cells[1:6]


def test_nan_is_printed_and_falls_apart(study_page):
    line = re.search(r'<th scope="row"[^>]*>learned<.*?</tr>', study_page, re.DOTALL).group()
    assert line.count('nan<small>0 of 3 finite') == 4
    assert 'falls apart' in line


def test_a_value_that_is_unknown_is_not_a_value(tmp_path):
    rows = [row(seed=seed, value=value) for seed, value in enumerate((2.0, None))]
    made = report.build(write_run(tmp_path / 'rope', rows=rows), terminal=False)
    assert '| 128 (1×) | 2.000 |' in made.markdown.read_text()


def test_failed_and_unfinished_runs_are_listed(tmp_path):
    write_run(tmp_path / 'study' / 'rope', seeds=range(1))
    write_run(tmp_path / 'study' / 'shaw', 'shaw', range(1))
    (tmp_path / 'study' / 'shaw' / 'rows.jsonl').unlink()
    (tmp_path / 'study' / 'kerple').mkdir()
    (tmp_path / 'study' / 'kerple' / 'failed.json').write_text('{"run": "kerple", "reason": "NaN at step 350"}')
    page = html_of(tmp_path / 'study')
    assert 'NaN at step 350' in page
    assert '<strong>shaw</strong>' in page


def test_claims_are_printed_as_they_came_out(study_page):
    assert re.search(r'FAIL</span> rope holds to 8x<small>x1.9 at 1,024 &lt;3 seeds&gt;', study_page)
    assert 'PASS</span> alibi holds to 8x' in study_page


def test_validation_is_listed_but_never_mixed_into_the_length_table(tmp_path):
    rows = [row(value=2.0), row(length=256, value=2.02), row(split='validation', value=9.0)]
    made = report.build(write_run(tmp_path / 'rope', rows=rows), terminal=False)
    assert '| 128 (1×) | 2.000 |' in made.markdown.read_text()
    assert '| rope | validation | windows/bits_per_character | 128 | 9.0000 |' in made.markdown.read_text()


def test_folders_of_one_run_with_other_seeds_are_one_run(tmp_path):
    for seed in range(3):
        write_run(tmp_path / 'study' / f'rope_{seed}', 'rope', [seed])
    made = report.build(tmp_path / 'study', terminal=False)
    lines = [line for line in made.markdown.read_text().splitlines() if line.startswith('| rope |')]
    assert '±' in lines[0] and '| falls apart' in lines[0]


def test_folders_with_the_same_cells_are_told_apart_by_their_names(tmp_path):
    for name in ('slow', 'fast'):
        write_run(tmp_path / 'study' / name, 'rope', range(1))
    assert {'rope (slow)', 'rope (fast)'} <= set(
        re.findall(r'>(rope[^<]*)</?(?:th|small)', html_of(tmp_path / 'study'))
    )


def test_rows_of_an_unknown_metric_are_shown(tmp_path):
    rows = [row(metric='exact_match', value=0.25, chance=0.1, seed=seed) for seed in range(3)]
    assert 'exact_match' in html_of(write_run(tmp_path / 'rope', rows=rows))


def test_a_report_of_full_size_needs_no_jax_and_stays_under_three_megabytes(study_folder, tmp_path):
    folder = shutil.copytree(study_folder, tmp_path / 'study')
    code = (
        'import sys; from posbench import report; '
        'assert not {"matplotlib", "rich", "jinja2"} & set(sys.modules), "import is not light"; '
        f'report.build({str(folder)!r}); '
        'print({"jax", "flax", "matplotlib.pyplot"} & set(sys.modules))'
    )
    done = subprocess.run([sys.executable, '-c', code], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == 'set()'
    assert '\x1b' not in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    assert 200_000 < (folder / 'report.html').stat().st_size < 3_000_000


@pytest.mark.parametrize('kind', ['similarity', 'score', 'bias', 'none'])
def test_each_kind_of_picture_is_drawn(run_folder, kind):
    pictures = {
        'similarity': {'positions': [0, 200], 'matrix': [[1.0, None], [None, 1.0]]},
        'score': {'distances': [0, 200], 'curves': {'equal key': [1.0, 0.5]}},
        'bias': {'distances': [0, 200], 'heads': [[0.0, float('nan')], [0.0, -2.0]]},
        'none': {},
    }
    (run_folder / 'encoding.json').write_text(json.dumps({'kind': kind, 'title': kind, **pictures[kind]}))
    made = report.build(run_folder, terminal=False)
    assert made.figures[-1].name == 'encoding.png'
    assert made.figures[-1].read_bytes().startswith(b'\x89PNG')


def test_every_figure_is_in_both_files(study_folder, study_page):
    made = report.build(study_folder, terminal=False)
    assert len(made.figures) == study_page.count('<img ') == made.markdown.read_text().count('![')
    for figure in made.figures:
        assert f']({figure.name})' in made.markdown.read_text()


def test_a_run_with_nothing_but_rows_still_has_a_report(tmp_path):
    write_rows(tmp_path, [row()])
    assert report.build(tmp_path, terminal=False).headline.startswith('rope')


class TestReadme:
    @pytest.fixture
    def project(self, tmp_path):
        folder = tmp_path / 'home' / 'runs' / 'a study'
        for run in ('rope', 'alibi'):
            rows = [row(run, length=n, seed=seed, value=2 + seed / 100) for n in (128, 256) for seed in range(3)]
            write_rows(folder / run, rows)
        (folder / 'claims.json').write_text('[{"claim": "rope fails", "verdict": "FAIL", "evidence": "x1.00"}]')
        (folder / 'failed.json').write_text('{"run": "kerple", "reason": "NaN"}')
        readme = tmp_path / 'home' / 'README.md'
        readme.write_text('# Title\n<!-- report:begin -->\nold\n<!-- report:end -->\ntail\n')
        return readme, folder

    def test_the_block_is_replaced_and_the_rest_is_kept(self, project):
        readme, folder = project
        report.build(folder, terminal=False, readme=readme)
        once = readme.read_text()
        report.build(folder, terminal=False, readme=readme)
        assert readme.read_text() == once
        assert once.startswith('# Title\n<!-- report:begin -->\n') and once.endswith('\n<!-- report:end -->\ntail\n')
        assert '\nold\n' not in once
        assert '| alibi | 2.010 ± 0.010 |' in once and '| FAIL | rope fails |' in once and '| kerple |' in once

    def test_the_figure_is_linked_when_it_lies_below_the_readme(self, project):
        readme, folder = project
        report.build(folder, terminal=False, readme=readme)
        assert '<img src="runs/a%20study/lengths.png"' in readme.read_text()
        elsewhere = shutil.move(folder, folder.parents[2] / 'study')
        report.build(elsewhere, terminal=False, readme=readme)
        assert '<img' not in readme.read_text()

    def test_what_is_left_out_is_said_with_its_reason(self, project, capsys):
        readme, folder = project
        report.build(folder, terminal=False, readme=readme)
        assert capsys.readouterr().err == ''
        elsewhere = Path(shutil.move(folder, folder.parents[2] / 'above' / 'study'))
        report.build(elsewhere.parent, terminal=False, readme=readme)
        picture, claims = capsys.readouterr().err.splitlines()
        assert 'lengths.png' in picture and 'beside or below' in picture
        assert f'--report={elsewhere}' in claims

    def test_each_board_has_its_curves(self, project):
        readme, folder = project
        rows = [row('rope', length=n, train_length=64, value=2.0) for n in (64, 128)]
        write_rows(folder / 'short', rows)
        report.build(folder, terminal=False, readme=readme)
        assert readme.read_text().count('<img') == 2

    @pytest.mark.parametrize('text', ['no markers', '<!-- report:end --> <!-- report:begin -->'])
    def test_missing_markers_are_one_clear_error_and_nothing_is_written(self, project, text):
        readme, folder = project
        readme.write_text(text)
        with pytest.raises(report.ReportError, match='report:begin') as error:
            report.build(folder, terminal=False, readme=readme)
        assert '\n' not in str(error.value)
        assert readme.read_text() == text
