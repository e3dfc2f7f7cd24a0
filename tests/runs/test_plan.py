"""The plan of a study: configs, ids and commands of all runs, and what may stand in the way of it."""

import dataclasses
import json
import pathlib
import sys

import pytest

from posbench import identity
from posbench.knobs import command_line, schema
from posbench.knobs.kinds import UsageError
from posbench.knobs.user_file import ROOT
from posbench.report import named
from posbench.runs import experiment, plan, workdir

EXPERIMENTS = sorted((ROOT / 'experiments').glob('*.py'))
SHORT = {'train.steps': '40', 'optimizer.warmup_steps': '10'}


def made(folder, *flags, runs=f"Run('rope', 'configs/rope.py', {SHORT}), Run('alibi', 'configs/alibi.py', {SHORT})"):
    path = folder / 'short.py'
    path.write_text(f'"""Short?"""\nfrom posbench.runs.study import Run\ndef runs():\n    return [{runs}]\n')
    request = command_line.parse([f'--experiment={path}', f'--workdir={folder}/results', *flags])
    source = experiment.load(path)
    return source, plan.make(source, request)


def leave(one: plan.Planned, config=None) -> None:
    """What a run under way leaves in its folder."""
    (one.folder / 'checkpoints' / '00000020').mkdir(parents=True)
    (one.folder / 'config.json').write_text(workdir.as_json(one.config if config is None else config))


@pytest.mark.parametrize('path', EXPERIMENTS, ids=lambda path: path.stem)
def test_every_run_of_every_experiment_is_a_command_that_is_understood(path, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    request = command_line.parse([f'--experiment={path}', '--devices=2', '--workdir=somewhere'])
    source = experiment.load(path)
    assert source.question.endswith('?')
    monkeypatch.chdir(ROOT)
    for one in plan.make(source, request):
        python, launch, *rest = one.command
        assert (python, launch) == (sys.executable, 'launch.py')
        got = command_line.parse(rest)
        assert got.config == one.config
        assert got.config.experiment == path.stem
        assert got.workdir.resolve() == pathlib.Path('somewhere', one.name).resolve()
        assert got.devices == 2


def test_an_id_is_the_hash_of_all_that_decides(tmp_path):
    _, (rope, alibi) = made(tmp_path)
    assert rope.id == identity.config_hash(json.loads(workdir.as_json(rope.config))) != alibi.id
    said = {'generate.prompt': 'He', 'second_phase.learning_rate': '0.5', 'experiment': 'short'}
    assert identity.config_hash(schema.load(ROOT / 'configs/rope.py', SHORT | said).to_dict()) == rope.id
    two_phases = {'second_phase.encoding.name': 'none', 'second_phase.steps': '15', 'second_phase.warmup_steps': '1'}
    for change in ({'seeds': '1'}, {'evaluate.tokens': '99'}, two_phases):
        changed = schema.load(ROOT / 'configs/rope.py', SHORT | change | {'experiment': 'short'})
        assert identity.config_hash(changed.to_dict()) != rope.id


def test_a_trial_sets_knobs_of_every_run_after_its_own(tmp_path):
    flags = ['--config.train.steps=20', '--config.seeds=3,4']
    for one, whole in zip(made(tmp_path, *flags)[1], made(tmp_path)[1], strict=True):
        assert (one.config.train.steps, one.config.seeds, one.config.optimizer.warmup_steps) == (20, (3, 4), 10)
        assert one.id != whole.id
        assert command_line.parse([f'--config={ROOT}/configs/{one.name}.py', *one.command[3:]]).config == one.config


def test_paths_of_a_trial_are_seen_from_where_it_is_started_and_those_of_a_study_from_the_repository(
    tmp_path, monkeypatch
):
    for folder in ('here', 'results'):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    runs = "Run('rope', 'configs/rope.py', {'init.folder': '{study}/other', 'dataset.data_dir': 'configs'})"
    flags = ['--config.dataset.name=folder', '--config.dataset.folder=here']
    (one,) = made(tmp_path, *flags, runs=runs)[1]
    assert one.config.dataset.folder == str(tmp_path / 'here')
    assert one.config.init.folder == str(tmp_path / 'results' / 'other')
    assert one.config.dataset.data_dir == str(ROOT / 'configs')
    monkeypatch.chdir(ROOT)
    assert command_line.parse(one.command[2:]).config == one.config


@pytest.mark.parametrize(
    'flags, runs, message',
    [
        (
            [],
            "Run('a', 'configs/rop.py', {})",
            "run 'a': configs/rop.py: there is no such file; did you mean 'configs/r",
        ),
        (
            [],
            "Run('a', 'configs/rope.py', {'train.stpes': 3})",
            "run 'a': config.train.stpes: there is no such knob; did",
        ),
        (
            [],
            "Run('a', 'configs/rope.py', {'train.steps': 'x'})",
            "run 'a': config.train.steps: got 'x', wanted an int",
        ),
        ([], "Run('a', 'configs/rope.py', {}), Run('b', 'configs/rope.py', {})", "runs 'a' and 'b' have the very same"),
        (
            ['--config.train.stpes=3'],
            "Run('a', 'configs/rope.py', {})",
            "run 'a': config.train.stpes: there is no such k",
        ),
        (
            ['--config.experiment=x'],
            "Run('a', 'configs/rope.py', {})",
            'config.experiment: it is the name of the study',
        ),
        (
            ['--config.encoding.name=none'],
            "Run('a', 'configs/rope.py', {}), Run('b', 'configs/alibi.py', {})",
            "runs 'a' and 'b' have the very same",
        ),
    ],
)
def test_what_is_wrong_with_a_run_is_one_line(tmp_path, flags, runs, message):
    with pytest.raises(UsageError, match=r'\w') as error:
        made(tmp_path, *flags, runs=runs)
    assert message in str(error.value)


def test_a_folder_of_another_config_is_refused_and_the_line_says_how_to_go_on(tmp_path):
    _, runs = made(tmp_path)
    for one in runs:
        leave(one)
    plan.check_folders(runs)
    longer = made(tmp_path, '--config.train.steps=80')[1]
    with pytest.raises(UsageError) as error:
        plan.check_folders(longer)
    assert str(error.value) == (
        f'{tmp_path}/results/rope: it holds another run, and so do alibi: config.train.steps is 40 there and 80 here; '
        'choose another --workdir, or move what is there away'
    )
    (runs[0].folder / 'config.json').write_text('{')
    with pytest.raises(UsageError, match=r'rope: it holds another run: its config.json cannot be read'):
        plan.check_folders(runs)


def test_a_folder_without_results_is_no_obstacle(tmp_path):
    _, (rope, _) = made(tmp_path)
    rope.folder.mkdir(parents=True)
    assert plan.flags(rope.folder) == []
    (rope.folder / 'config.json').write_text('{}')
    plan.check_folders([rope])
    assert plan.flags(rope.folder) == ['--resume=never']
    leave(rope)
    assert plan.flags(rope.folder) == []


def test_a_run_is_done_where_its_rows_are_of_its_config_and_its_last_step(tmp_path):
    _, (rope, _) = made(tmp_path)
    leave(rope)

    def written(**row):
        (rope.folder / 'rows.jsonl').write_text(json.dumps(dict(step=40, config_hash=rope.id) | row) + '\n')
        return rope.is_done, plan.flags(rope.folder)

    assert written() == (True, ['--mode=evaluate'])
    assert written(step=20) == (False, [])
    # Somebody scored the same weights in another way: they are scored again.
    assert written(config_hash='0123') == (False, ['--mode=evaluate'])


def test_study_json_says_what_a_report_has_to_know(tmp_path):
    source, runs = made(tmp_path)
    plan.write(tmp_path, source, runs, {'train.steps': '40'})
    item = json.loads((tmp_path / 'study.json').read_text())
    assert item == dict(
        title='Short',
        question='Short?',
        experiment=item['experiment'],
        overrides={'train.steps': '40'},
        runs={one.name: one.id for one in runs},
    )
    assert (ROOT / item['experiment']).resolve() == tmp_path / 'short.py'
    assert named.read(tmp_path).levels == {}
    levels = {'encoding': 'rope', 'length': '1x'}
    cells = tuple(one._replace(levels=levels) for one in source.runs[:1]) + source.runs[1:]
    plan.write(tmp_path, dataclasses.replace(source, runs=cells), runs, {})
    assert named.read(tmp_path).levels == {source.runs[0].name: levels}


def test_a_study_has_the_numbers_of_its_paper_and_wrong_ones_stop_it_before_a_run(tmp_path):
    source, runs = made(tmp_path)
    (tmp_path / 'published').mkdir()
    cell = dict(run='rope', metric='windows/perplexity', length=256, value=8.1, sd=None,
                provenance='second-hand', page=None)  # fmt: skip
    text = json.dumps(dict(paper='A et al.', table='Table 1', source='arXiv', cells=[cell]))
    (tmp_path / 'published/short.json').write_text(text)
    (tmp_path / 'results').mkdir()
    plan.write(tmp_path / 'results', source, runs, {})
    assert (tmp_path / 'results/published/short.json').read_text() == text
    (tmp_path / 'published/short.json').write_text(text.replace('second-hand', 'somewhere'))
    with pytest.raises(UsageError, match=r'short\.json: cell 1: provenance: got .somewhere., wanted read'):
        plan.write(tmp_path / 'results', source, runs, {})


def test_a_config_without_other_lengths_is_what_it_was_before_there_was_that_knob(tmp_path):
    """Runs that were trained before keep their ids, and their folders can be read."""
    old = json.loads(workdir.as_json(schema.load(ROOT / 'configs/rope.py')))
    new, before = identity.config_hash(old), tmp_path / 'config.json'
    del old['evaluate']['lengths']
    before.write_text(json.dumps(old))
    assert identity.config_hash(old) == new
    assert schema.load(before).evaluate.lengths == ()
    assert identity.config_hash(schema.load(before, {'evaluate.lengths': '300'}).to_dict()) != new


def test_a_run_needs_those_whose_folders_its_knobs_name(tmp_path):
    runs = ', '.join(
        f"Run({name!r}, 'configs/rope.py', {{'train.steps': '{steps}', 'init.folder': {folder!r}}})"
        for name, steps, folder in (
            ('a', 100, '{study}/a b/checkpoints'),
            ('a b', 200, 'None'),
            ('c', 300, '{study}/ab'),
            ('d', 400, 'elsewhere/a'),
            ('e', 500, '{study}/a'),
        )
    )
    assert [one.needs for one in made(tmp_path, runs=runs)[1]] == [('a b',), (), (), (), ('a',)]


def test_study_json_keeps_the_scale_and_a_report_says_it(tmp_path):
    source, runs = made(tmp_path)
    plan.write(tmp_path, dataclasses.replace(source, scale='full'), runs, {})
    assert json.loads((tmp_path / 'study.json').read_text())['scale'] == 'full'
    assert named.read(tmp_path).scale == 'full'
    plan.write(tmp_path, source, runs, {})
    assert named.read(tmp_path).scale is None
