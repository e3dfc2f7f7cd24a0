"""Tables as files: what a program reads in them is what the page says, in full."""

import csv
import json
import math
import re
import shutil

import pytest

from posbench import report
from posbench.report import boards, latex, markdown, page, records, table_files, tables
from posbench.report import folder as folder_lib
from posbench.report.tables import Cell, Column, Table
from tests.report.runs import CHANCE, LENGTHS, row, write_rows, write_study


def read(path) -> list[dict[str, str]]:
    with path.open(encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file))


def cells_of(tex: str) -> list[list[str]]:
    """The body of a tabular as LaTeX would set it; what is left of a backslash or a brace was not escaped."""
    body = tex.partition('\\midrule\n')[2].partition('\\bottomrule')[0]
    back = {re.escape(found): char for char, found in latex._ESCAPED.items()}
    marks = re.compile('|'.join(sorted(back, key=len, reverse=True)))
    lines = []
    for line in body.splitlines():
        assert line.endswith(r' \\')
        parts = re.split(r' (?<!\\)& ', line.removesuffix(r' \\'))
        lines.append([marks.sub(lambda found: back[re.escape(found.group())], part) for part in parts])
    return lines


@pytest.fixture(scope='module')
def built(study_folder, tmp_path_factory):
    folder = shutil.copytree(study_folder, tmp_path_factory.mktemp('tables') / 'study')
    return report.build(folder, terminal=False)


def test_every_table_has_three_files_that_page_and_markdown_link(built):
    names = {'bits-per-character-windows', 'bits-per-character-last-tokens', 'every-number', 'claims',
             'runs-without-results'}  # fmt: skip
    there = {path.name for path in (built.folder / 'tables').iterdir()}
    assert there == {f'{name}.{suffix}' for name in names for suffix in ('csv', 'tex', 'md')}
    assert {path.name for path in built.tables} == there
    for text in (built.html.read_text('utf-8'), built.markdown.read_text('utf-8')):
        assert all(text.count(f'tables/{name}') == 1 for name in there)


def test_csv_has_every_mean_in_full_with_its_interval_seeds_and_chance(built):
    study = folder_lib.read(built.folder)
    (board,) = boards.boards(study)
    for protocol, name in (('windows', 'windows'), ('sliding', 'last-tokens')):
        lines = {line['encoding']: line for line in read(built.folder / f'tables/bits-per-character-{name}.csv')}
        for run in board.runs:
            for length in LENGTHS:
                summary = board.summary(run, f'{protocol}/bits_per_character', length)
                found = {part: lines[run][f'{length} {part}'] for part in ('mean', 'low', 'high', 'seeds', 'chance')}
                assert float(found['mean']) == pytest.approx(summary.mean, rel=0, nan_ok=True)
                ends = [float(found[end]) if found[end] else None for end in ('low', 'high')]
                assert ends == [summary.low, summary.high]
                assert (int(found['seeds']), float(found['chance'])) == (3, CHANCE)
            assert lines[run]['verdict'] == board.verdict(run, protocol).word
            assert lines[run]['verdict note'] == board.verdict(run, protocol).says
        assert lines['learned']['1024 mean'] == 'nan' and lines['learned']['1024 low'] == ''
        assert lines['learned']['parameters of the encoding'] == '16384'
        assert float(lines['chance (unigram)']['512 mean']) == CHANCE


def test_every_number_is_there_once_and_for_all_metrics(built):
    lines = read(built.folder / 'tables/every-number.csv')
    keys = [tuple(line[name] for name in ('run', 'split', 'metric', 'length')) for line in lines]
    assert len(keys) == len(set(keys)) == len(tables.everything(boards.boards(folder_lib.read(built.folder))[0]).rows)
    line = lines[keys.index(('rope', 'test', 'windows/loss', '1024'))]
    assert list(line)[4:] == ['mean', 'interval low', 'interval high', 'seeds', 'examples', 'chance']
    assert float(line['interval low']) < float(line['mean']) < float(line['interval high'])


def test_lists_are_tables_too(built):
    (failed,) = read(built.folder / 'tables/runs-without-results.csv')
    assert failed == {'run': 'kerple', 'reason': 'loss became NaN at step 350'}
    claims = read(built.folder / 'tables/claims.csv')
    assert [line['verdict'] for line in claims] == ['PASS', 'FAIL']
    assert claims[1]['evidence'] == 'x1.9 at 1,024 <3 seeds>'


def test_latex_says_what_markdown_says(built):
    for path in built.tables:
        if path.suffix == '.tex':
            text, shown = path.read_text('utf-8'), path.with_suffix('.md').read_text('utf-8')
            (columns,) = re.findall(r'\\begin\{tabular\}\{([lr]+)\}', text)
            rows = [line for line in shown.splitlines() if line.startswith('|')][2:]
            found = cells_of(text)
            assert {len(line) for line in found} == {len(columns)} and len(found) == len(rows)
            for line, row_ in zip(found, rows):
                assert [*map(markdown.escape, line)] == row_.removeprefix('| ').removesuffix(' |').split(' | ')


def test_the_markdown_file_has_the_table_of_the_report(built):
    text = (built.folder / 'tables/bits-per-character-windows.md').read_text('utf-8')
    lines = [line for line in text.splitlines() if line.startswith('|')]
    assert '\n'.join(lines) in built.markdown.read_text('utf-8')
    assert text.startswith('### Bits per character, windows\n') and text.endswith('.\n')


NASTY = ['&%$#_{}~^\\', '`a|b`*<c>"d"', '[x]', '* not all', '50 % ± 2 × é—–…', '\x00\x1b[31m', '=1+2,"3"', 'two\nlines']


def test_no_name_is_a_command():
    columns = [Column('run_name'), Column('n', '#', 'a_b'), Column('m', '', 'a_b')]
    rows = [[tables.name(text), Cell('1', '[0, 2]', 1), Cell('—')] for text in NASTY]
    item = Table('A $title$ & more\n\\end', '% note', columns, rows)
    text = latex.text(item)
    assert text.splitlines()[1] == r'% A $title$ & more \end' and text.count(r'\end{tabular}') == 1
    plain = re.sub(r'(?m)^%.*$', '', text)
    lines = [line.replace(r'\&', '') for line in plain.splitlines() if line.endswith(r' \\')]
    assert [line.count('&') for line in lines] == [1, 2] + [2] * len(NASTY)  # The first spans two columns.
    unescaped = re.sub(r'\\[&%$#_{}]', '', plain.replace(r'\\', ''))
    depth = 0
    for char in unescaped:
        depth += {'{': 1, '}': -1}.get(char, 0)
        assert depth >= 0
    assert depth == 0 and unescaped.count('$') % 2 == 0 and not re.search(r'[#_^~]', unescaped)
    # No row starts with what \\ of the row above would take for its own.
    assert not re.search(r'\\\\\s*[\[*]', text)
    wanted = [' '.join(re.sub(r'[\x00\x1b]', '', name).split()) for name in NASTY]
    assert [line[0] for line in cells_of(text)] == wanted
    lines = list(csv.reader(records.text(item).splitlines(keepends=True)))
    assert [line[0] for line in lines[1:]] == NASTY
    assert lines[0] == ['run_name', 'a_b: n', 'a_b: n note', 'a_b: m'] and lines[1][1:] == ['1', '[0, 2]', '']


def test_columns_of_one_name_are_told_apart(tmp_path):
    two = Table('', '', [Column('chance', 'unigram'), Column('chance', 'perplexity'), Column('chance', 'perplexity')],
                [[tables.number(0.1), tables.number(math.nan), tables.number(None)]])  # fmt: skip
    assert records.text(two) == 'chance (unigram),chance (perplexity),chance (perplexity) 2\n0.1,nan,\n'


def test_a_single_run_has_its_lengths_and_all_its_metrics(run_folder):
    report.build(run_folder, terminal=False)
    lines = read(run_folder / 'tables/length-table.csv')
    assert [line['length'] for line in lines] == [*map(str, LENGTHS), 'verdict']
    assert {'bits per character: windows mean', 'windows: loss high', 'last tokens: perplexity seeds',
            'bits per character: chance', 'windows: scored'} <= set(lines[0])  # fmt: skip
    rows = [json.loads(line) for line in (run_folder / 'rows.jsonl').read_text().splitlines()]
    perplexity = [one['value'] for one in rows if (one['metric'], one['length']) == ('sliding/perplexity', 512)]
    at_512 = next(line for line in lines if line['length'] == '512')
    assert float(at_512['last tokens: perplexity mean']) == pytest.approx(sum(perplexity) / 5)


def test_boards_of_one_title_have_files_of_their_own(tmp_path):
    for train_length in (64, 128):
        rows = [row(length=n, train_length=train_length, value=2.0) for n in (64, 128)]
        write_rows(tmp_path / f'{train_length}', rows)
    report.build(tmp_path, terminal=False)
    stems = sorted(path.stem for path in (tmp_path / 'tables').glob('*.csv'))
    titles = ['bits-per-character-last-tokens', 'bits-per-character-windows', 'every-number']
    assert stems == [f'{title}{end}' for title in titles for end in ('', '-2')]


def test_files_of_a_table_that_is_no_more_are_taken_away_and_no_others(tmp_path):
    write_study(tmp_path, range(1), {'rope': (2.0, 0.1)})
    (tmp_path / 'claims.json').write_text('[{"claim": "c", "verdict": "PASS"}]')
    report.build(tmp_path, terminal=False)
    (tmp_path / 'tables/mine.csv').write_text('mine')
    (tmp_path / 'claims.json').unlink()
    assert (tmp_path / 'tables/claims.csv').is_file()
    report.build(tmp_path, terminal=False)
    assert not list((tmp_path / 'tables').glob('claims.*')) and (tmp_path / 'tables/mine.csv').read_text() == 'mine'


def test_names_of_files_are_plain_whatever_the_title():
    titles = ['Länge, 50 % / ..\\x', '一', '', 'Länge 50 x', 'a' * 300]
    found = [item.file for item in table_files.named([Table(title, '', [], []) for title in titles], set())]
    assert found == ['lange-50-x', 'table', 'table-2', 'lange-50-x-2', 'a' * 80]


def test_a_table_of_the_readme_links_nothing(built):
    assert 'tables/' not in page.claims([{'claim': 'c', 'verdict': 'PASS', 'evidence': 'e'}])
