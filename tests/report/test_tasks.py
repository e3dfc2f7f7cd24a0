"""Reports of tasks that are no text: any metric, either direction, any protocols, chance beside every number."""

import dataclasses
import io
import json
import math
import re

import pytest

from posbench import report
from posbench.report import boards, curves, matrices, readme, tables, terminal, texts, verdicts
from posbench.report import folder as folder_lib
from posbench.report.task import Metric
from posbench.report.verdicts import Point
from tests.report import runs, studies

ERROR = Metric('error', 'of read bits', 'lower', decides=True, share=True)
ACCURACY = Metric('accuracy', 'of images', 'higher', decides=True, share=True)
BITS = Metric('bits', 'per character', 'lower', decides=True)
REWARD = Metric('reward', '', 'higher', decides=True)


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """Folder, boards and report of each study, made once."""
    found = {}
    for name in ('flip_flop', 'digits', 'classify'):
        folder = getattr(studies, name)(tmp_path_factory.mktemp('tasks') / name)
        study = folder_lib.read(folder)
        found[name] = study, boards.boards(study), report.build(folder, terminal=False)
    return found


def judged(metric: Metric, base: float, longer: float, chance: float | None, later: float | None = None) -> str | None:
    """The word for a base and one longer length; `later` is chance at the longer one, if it is another."""
    point = Point(longer, chance if later is None else later)
    found = verdicts.judge(metric, 64, Point(base, chance), {128: point})
    return found and found.word


@pytest.mark.parametrize(
    ('metric', 'base', 'longer', 'chance', 'word'),
    [
        (ACCURACY, 0.9, 0.88, 0.1, 'holds'),
        (ACCURACY, 0.9, 0.85, 0.1, 'degrades'),
        (ACCURACY, 0.9, 0.49, 0.1, 'falls apart'),
        (ACCURACY, 0.9, 0.05, 0.1, 'falls apart'),
        (ACCURACY, 0.9, math.nan, 0.1, 'falls apart'),
        (ACCURACY, 0.1, 0.9, 0.1, 'never learned'),
        (ACCURACY, 0.05, 0.05, 0.1, 'never learned'),
        (ACCURACY, math.nan, 0.9, 0.1, 'diverged'),
        (ACCURACY, 0.9, 0.9, None, None),
        (ERROR, 0.0, 0.02, 0.5, 'holds'),
        (ERROR, 0.0, 0.03, 0.5, 'degrades'),
        (ERROR, 0.1, 0.31, 0.5, 'falls apart'),
        (ERROR, 0.5, 0.5, 0.5, 'never learned'),
        (BITS, 2.0, 2.1, 4.3, 'holds'),
        (BITS, 2.0, 2.5, 4.3, 'degrades'),
        (BITS, 2.0, 2.6, 4.3, 'falls apart'),
        (BITS, 4.2, 4.32, 4.31, 'falls apart'),
        (BITS, 0.0, 0.1, 4.3, None),
        (BITS, 0.0, 0.0, 4.3, 'holds'),
        (REWARD, 2.1, 2.0, None, 'holds'),
        (REWARD, 2.0, 1.7, 0.5, 'degrades'),
        (REWARD, 2.0, 1.5, 0.5, 'falls apart'),
        (REWARD, 2.0, 1.9, 1.95, 'falls apart'),
        (REWARD, 2.0, -1.0, None, 'falls apart'),
        (REWARD, 2.0, 3.0, 0.5, 'holds'),
    ],
)
def test_a_verdict_reads_direction_and_share(metric, base, longer, chance, word):
    assert judged(metric, base, longer, chance) == word


def test_where_chance_is_one_value_what_is_kept_of_a_share_is_what_is_left_beyond_it():
    for metric, base, value, chance in ((ACCURACY, 0.9, 0.6, 0.2), (ERROR, 0.1, 0.3, 0.5)):
        kept = (value - chance) / (base - chance)
        assert verdicts.left(metric, Point(base, chance), Point(value, chance)) == f'{100 * kept:.0f} % kept'


def test_what_is_as_good_as_chance_is_not_called_worse():
    base = Point(1.0, 1e-20)
    assert verdicts.left(ACCURACY, base, Point(0.0, 1e-20)) == '0 % kept'
    assert verdicts.left(ACCURACY, base, Point(0.0, 0.1)) == 'below chance'


def test_a_perfect_share_holds_where_chance_comes_nearer():
    assert judged(ACCURACY, 1.0, 1.0, 0.5, later=0.8) == 'holds'
    assert judged(ERROR, 0.0, 0.0, 0.5, later=0.2) == 'holds'
    # Nothing can be told at a length where guessing is perfect already.
    assert judged(ACCURACY, 1.0, 1.0, 0.5, later=1.0) is None


@pytest.mark.parametrize(('metric', 'says'), [(ACCURACY, '95 %'), (BITS, 'at most ×1.05'), (REWARD, 'at least ÷1.05')])
def test_every_rule_has_a_sentence_with_its_thresholds(metric, says):
    assert says in verdicts.sentence(metric, 'chance')


def test_only_the_rule_that_judged_is_on_the_page(made):
    text = {name: built.markdown.read_text() for name, (_, _, built) in made.items()}
    assert all('the way from chance to perfect' in text[name] for name in ('flip_flop', 'digits'))
    assert 'Holds:' not in text['classify'], 'nothing was scored beyond the training length'
    assert not any('×1.05' in found for found in text.values())


def test_runs_are_ranked_by_the_direction_of_the_deciding_metric(made):
    ranked = {name: found[0].runs for name, (_, found, _) in made.items()}
    assert ranked == {
        'flip_flop': ['rope', 'alibi', 'none'],
        'digits': ['fire', 'axial_rope', 'learned'],
        'classify': ['rope', 'none'],
    }


def test_the_headline_says_what_happened_and_what_chance_is(made):
    lines = {name: built.headline for name, (_, _, built) in made.items()}
    assert lines['flip_flop'].startswith(
        'Trained on 64 tokens and scored up to 512: '
        'rope falls apart by sparse, holds by dense, degrades by as trained; alibi holds; '
        'none never learned by sparse, holds by dense and as trained. '
        'Noise allows another word for rope. Lowest at 64: by sparse rope with '
    )
    assert lines['flip_flop'].endswith('Chance: 0.460 to 0.495.')
    assert lines['digits'].startswith('Trained at length 64 and scored up to 256: fire degrades; axial_rope holds; ')
    assert 'Highest at 64: fire with accuracy 0.97' in lines['digits']
    assert lines['classify'].startswith('Highest at 64: rope with accuracy 0.71')


def test_one_run_has_a_sentence_for_every_protocol_that_ends_otherwise(tmp_path):
    folder = studies.flip_flop(tmp_path) / 'rope'
    line = report.build(folder, terminal=False).headline
    assert line.startswith(
        'rope, trained on 64 tokens, falls apart beyond them by sparse: error 0.006 at 64, 0.275 at 512 (45 % kept).'
    )
    assert 'By as trained: degrades, 84 % kept at 512.' in line
    assert 'By dense: holds, 95 % kept at 512; noise allows: degrades.' in line


def test_a_study_has_a_table_of_the_deciding_metric_for_each_protocol(made):
    _, found, built = made['flip_flop']
    titles = [tables.of_study(found[0], protocol).title for protocol in studies.FLIP_FLOP['protocols']]
    assert titles == ['Error of read bits, sparse', 'Error of read bits, dense', 'Error of read bits, as trained']
    assert all(f'### {title}\n' in built.markdown.read_text() for title in titles)
    assert 'Read bits of sequences like those of training. Mean' in built.markdown.read_text()
    assert tables.of_study(made['digits'][1][0], 'images').title == 'Accuracy of images'


def test_chance_is_a_row_and_stands_in_the_cells_where_runs_do_not_agree_on_it(made):
    board = made['flip_flop'][1][0]
    table = tables.of_study(board, 'sparse')
    assert [row[0].text for row in table.rows] == ['rope', 'alibi', 'none', 'chance']
    chances = [f'{studies.flip_flop_chance(n):.3f}' for n in studies.LENGTHS]
    assert [cell.text for cell in table.rows[-1][2:7]] == chances
    rows = [dataclasses.replace(row, chance=0.4) if row.run == 'alibi' else row for row in board.rows]
    table = tables.of_study(dataclasses.replace(board, rows=rows), 'sparse')
    assert [row[0].text for row in table.rows] == ['rope', 'alibi', 'none']
    assert [cell.small for cell in table.rows[0][2:7]] == [f'chance {chance}' for chance in chances]
    assert [cell.small for cell in table.rows[1][2:7]] == ['chance 0.400'] * 5


def test_one_length_is_a_table_of_all_metrics_without_verdicts(made):
    table = tables.of_study(made['classify'][1][0], 'passages')
    assert [column.name for column in table.columns] == [
        'encoding',
        'accuracy',
        'loss',
        'macro f1',
        'parameters',
    ]
    assert [cell.text for cell in table.rows[-1][:4]] == ['chance', '0.240', '1.710', '0.065']
    assert not any(picture.stem == 'lengths' for picture in made['classify'][2].figures)


def test_the_table_of_one_run_has_all_metrics_of_all_protocols_and_their_chance(tmp_path, made):
    board = made['flip_flop'][1][0]
    table = tables.lengths_of_run(board, 'rope')
    assert table.groups == [('', 1), ('error of read bits', 4), ('sparse', 2), ('dense', 2), ('as trained', 2), ('', 1)]
    assert [column.name for column in table.columns[1:5]] == ['sparse', 'dense', 'as trained', 'chance']
    assert [(column.name, column.small) for column in table.columns[5:7]] == [
        ('loss', 'nats per read bit'), ('scored', 'targets')]  # fmt: skip
    *_, longest, verdicts_of_it = table.rows
    assert (longest[4].text, longest[-1].text, table.columns[-1].small) == ('0.495', '0.693', 'loss')
    assert [cell.text for cell in verdicts_of_it[:5]] == ['verdict', 'falls apart', 'holds', 'degrades', '']
    digits = tables.lengths_of_run(made['digits'][1][0], 'fire')
    assert digits.groups == [], 'one protocol needs no heading over its columns'
    assert [column.name for column in digits.columns] == ['length', 'accuracy', 'chance', 'scored']


def test_curves_are_labelled_by_metric_direction_and_protocol(made):
    def written(name):
        fig = curves.lengths(made[name][1][0], 'title')
        return ' '.join(' '.join(text.get_text() for text in fig.texts).split())

    assert 'error of read bits, sparse, lower is better; test length in tokens →' in written('flip_flop')
    assert 'accuracy of images, higher is better; test length →' in written('digits')


def test_chance_is_a_line_in_the_curves_that_bends_where_it_does(made):
    axes = curves.lengths(made['flip_flop'][1][0], 'title').axes[0]
    drawn = [list(line.get_ydata()) for line in axes.lines]
    assert pytest.approx([studies.flip_flop_chance(n) for n in studies.LENGTHS]) in drawn
    labels = [text.get_text() for text in axes.texts]
    assert 'chance 0.49' in labels
    straight = curves.lengths(made['digits'][1][0], 'title').axes[0]
    assert [0.102, 0.102] in [list(line.get_ydata()) for line in straight.lines]


def test_a_curve_that_is_perfect_everywhere_can_be_drawn(tmp_path):
    rows = [
        studies.row(studies.DIGITS, 'rope', length=n, metric='images/accuracy', value=1.0, chance=0.1)
        for n in (64, 144)
    ]
    board = boards.boards(folder_lib.read(studies.write_run(tmp_path, studies.DIGITS, rows)))[0]
    low, high = curves.lengths(board, 'title').axes[0].get_ylim()
    assert low < 1.0 < high


def test_without_a_validation_loss_the_deciding_metric_is_drawn_by_step(made):
    assert {picture.stem for picture in made['digits'][2].figures} == {'lengths', 'learning', 'validation'}
    study, found, _ = made['digits']
    axes = curves.progress(found[0], study.runs, 'title').axes[0]
    assert len([line for line in axes.lines if len(line.get_xdata()) == 8]) == 3


def test_a_share_is_drawn_by_step_beside_a_validation_loss(tmp_path):
    folder = studies.digits(tmp_path, range(1)) / 'fire'
    with (folder / 'metrics.jsonl').open('a') as file:
        file.write(json.dumps({'step': 2000, 'split': 'validation', 'name': 'loss', 'value': 0.2, 'seed': 0}) + '\n')
    built = report.build(folder, terminal=False)
    assert 'validation' in [picture.stem for picture in built.figures]
    assert 'Training and validation loss by step' in built.markdown.read_text()


def test_any_metric_by_position_is_drawn_with_its_unit(made):
    board = made['flip_flop'][1][0]
    assert [metric.phrase for metric in board.placed] == ['error of read bits']
    assert 'Error by position in the longest sequence' in made['flip_flop'][2].markdown.read_text()
    assert 'error\\_at' not in made['flip_flop'][2].markdown.read_text()


def test_a_matrix_is_a_heat_map_and_a_table(made):
    _, _, built = made['classify']
    assert [path.stem for path in built.figures][:2] == ['figure-1', 'figure-2']
    text = built.markdown.read_text()
    assert '### rope: Which novel a passage is said to be from' in text
    assert '| true | said: Sense and Sensibility |' in text
    counts = studies.confusion(0.71)['values'][0]
    assert f'| Sense and Sensibility | {" | ".join(map(str, counts))} |' in text
    assert '<summary>rope: Which novel' in built.html.read_text()


@pytest.mark.parametrize(
    'values', [[[1, 2], [3, 4]], [[0.5, None], [0.0, 0.0]], [[-1.0, 2.0], [0.5, math.nan]], [[None, None]] * 2]
)
def test_counts_shares_gaps_and_signs_are_drawn(values):
    item = {'kind': 'matrix', 'title': 'a', 'rows': ['a', 'b'], 'columns': ['a', 'b $x_$'], 'values': values}
    fig = matrices.figure(item, 'title')
    known = [value for line in values for value in line if value is not None]
    assert texts.cells([[3.0, 1200.0]]) == [['3', '1,200']] and texts.cells([[3.0, 0.5]]) == [['3.00', '0.50']]
    assert len([text for text in fig.axes[0].texts if text.get_text()]) == len(known)
    fig.canvas.draw()


def test_a_large_matrix_is_drawn_without_numbers():
    names = [f'class {i}' for i in range(40)]
    item = {'kind': 'matrix', 'title': 'a', 'rows': names, 'columns': names, 'values': [[1] * 40] * 40}
    fig = matrices.figure(item, 'title')
    assert not fig.axes[0].texts


@pytest.mark.parametrize('name', ['flip_flop', 'digits', 'classify'])
def test_the_terminal_has_every_run_chance_and_80_columns(made, name, monkeypatch):
    monkeypatch.setenv('COLUMNS', '80')
    study, found, _ = made[name]
    file = io.StringIO()
    terminal.show(study, found, [], file=file)
    text = file.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert '; chance 0.' in text and all(run.name in text for run in study.runs)


def test_a_readme_block_has_the_metric_and_chance(made):
    study, found, built = made['flip_flop']
    block = readme.block(study, found, {}, built.folder / 'README.md')
    assert 'Error of read bits, dense:' in block and 'Chance: 0.460 to 0.495.' in block


def test_runs_of_one_name_in_two_tasks_stay_two_runs(tmp_path):
    studies.flip_flop(tmp_path / 'flip_flop', range(1))
    studies.classify(tmp_path / 'classify', range(1))
    built = report.build(tmp_path, terminal=False)
    text = built.markdown.read_text()
    assert '## retrieval/flip_flop, test, trained on 64 tokens' in text
    assert '## text/classify, test, trained on 64 tokens' in text
    assert 'learning-2' in [path.stem for path in built.figures]
    assert len(built.figures) == built.html.read_text().count('<img ')
    assert 'Settings of rope, text/classify' in text


def test_a_reference_model_that_is_chance_gives_it_its_name(tmp_path):
    rows = studies.accuracy_rows('rope', range(1), 0.9, 0.1)
    empty = dict.fromkeys(('seed', 'length', 'chance', 'train_length'))
    rows += [studies.row(studies.DIGITS, f'baseline:{name}', metric='images/accuracy', value=value, **empty)
             for name, value in (('nearest', 0.95), ('majority', 0.102))]  # fmt: skip
    board = boards.boards(folder_lib.read(studies.write_run(tmp_path, studies.DIGITS, rows)))[0]
    assert board.guess == 'majority'
    assert list(board.baselines) == ['majority', 'nearest'], 'from the worst to the best'
    rest = texts.headline(board, single=True)[1]
    assert rest == 'On the same data: majority 0.102, nearest 0.950; at the training length the nearest is better.'


class TestTaskJson:
    """What is wrong in task.json is said in one line, with its path."""

    def error(self, folder) -> str:
        with pytest.raises(report.ReportError) as error:
            report.build(folder, terminal=False)
        assert '\n' not in str(error.value)
        return str(error.value)

    def test_without_one_the_report_says_how_to_get_it(self, run_folder):
        (run_folder / 'task.json').unlink()
        message = self.error(run_folder)
        assert str(run_folder / 'task.json') in message and '--mode=evaluate' in message

    @pytest.mark.parametrize(
        ('change', 'says'),
        [
            ({'task': 'text/other'}, "'text/other', that of the rows 'text/austen'"),
            ({'metrics': {}}, 'at least one name'),
            ({'metrics': {'loss': {'unit': '', 'better': 'lower'}}}, '0 of loss say decides'),
            ({'metrics': {'loss': {'unit': '', 'better': 'less', 'decides': True}}}, "'less', wanted lower or higher"),
            ({'metrics': {'loss': {'unit': '', 'better': 'lower', 'decide': True}}}, 'unknown decide'),
            ({'metrics': {'loss': {'unit': '', 'better': 'lower', 'share': 1}}}, 'share is 1'),
            ({'protocols': {'windows': 'every token'}}, 'wanted an object with label, scores'),
            ({'protocols': {'windows': {'label': 'windows'}}}, 'missing scores'),
            ({'extra': 1}, 'unknown extra'),
            ({'figures': {'a': {'kind': 'wheel'}}}, "figures.a: kind is 'wheel', wanted matrix"),
            ({'figures': {'a': {'kind': 'matrix', 'title': 'a', 'rows': ['x'], 'columns': ['x'], 'values': [[1, 2]]}}},
             'no 1 rows of 1 numbers'),
            ({'figures': {'a': {'kind': 'matrix', 'title': 'a', 'rows': ['x'], 'columns': ['x'], 'values': [['1']]}}},
             'numbers or null'),
            ({'figures': {'a': {'kind': 'matrix', 'title': 'a', 'rows': [], 'columns': ['x'], 'values': []}}},
             'list of names'),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_named(self, run_folder, change, says):
        (run_folder / 'task.json').write_text(json.dumps(runs.TASK | change))
        message = self.error(run_folder)
        assert says in message and str(run_folder / 'task.json') in message

    def test_two_runs_of_one_task_have_to_agree(self, tmp_path):
        studies.digits(tmp_path, range(1))
        other = json.loads((tmp_path / 'fire' / 'task.json').read_text())
        other['metrics']['accuracy']['better'] = 'lower'
        (tmp_path / 'fire' / 'task.json').write_text(json.dumps(other))
        assert re.search(
            r'task\.json of fire and of axial_rope: other metrics of image/digits: .*lower', self.error(tmp_path)
        )

    def test_figures_may_differ(self, made):
        assert len({json.dumps(run.figures) for run in made['classify'][0].runs}) == 2
