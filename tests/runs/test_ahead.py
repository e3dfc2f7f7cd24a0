"""--mode=compile: what it prints, keeps and returns, for what is here; of a study every distinct program once."""

import json

import pytest

from posbench.devices import memory
from posbench.knobs import command_line
from posbench.runs import ahead, ahead_of_study, study
from tests import real_command


@pytest.fixture
def flags(tmp_path):
    text = real_command.write_text(tmp_path)
    return [*map(str, text), *real_command.ONE_LENGTH, '--mode=compile', f'--workdir={tmp_path}/run']


def compile_rope(flags):
    return ahead.run(command_line.parse(['--config=configs/rope.py', *flags]))


def test_a_run_that_fits_says_what_every_program_takes_and_trains_nothing(tmp_path, flags, capsys):
    assert compile_rope(flags) == 0
    first, mesh, training, evaluation, last = capsys.readouterr().out.splitlines()
    assert first.startswith('rope for here: 8 x cpu, ')
    assert mesh == 'seed 2 x data 4 x model 1'
    assert training.startswith('  training: ') and ' GiB a device (arguments ' in training and 'all-reduce' in training
    assert evaluation.startswith('  evaluation of 16 x 16 tokens: ')
    assert last == 'rope fits as seed 2 x data 4 x model 1.'
    assert [path.name for path in (tmp_path / 'run').iterdir()] == ['compile.json']
    found = json.loads((tmp_path / 'run' / 'compile.json').read_text())['here']
    assert (found['devices'], found['kind'], found['compilers'].keys()) == (8, 'cpu', {'jax'})
    run = found['runs']['rope']
    assert run['fits'] == dict(seed=2, data=4, model=1)
    (tried,) = run['tried']
    assert list(tried['programs']) == ['training', 'evaluation of 16 x 16 tokens']
    cost = tried['programs']['training']
    assert cost['memory'] == sum(cost['parts'].values()) > 0
    assert cost['collectives']['all-reduce']['count'] > 0
    # Nobody knows how fast these devices are.
    assert cost['flops'] > 0 and cost['seconds'] is None


def test_a_run_that_fits_nowhere_says_what_each_mesh_lacks(tmp_path, flags, monkeypatch, capsys):
    monkeypatch.setattr(memory, 'available', lambda devices: 30_000)
    assert compile_rope(flags) == 1
    said = capsys.readouterr()
    assert [line for line in said.out.splitlines() if line.startswith('seed')] == [
        'seed 2 x data 4 x model 1',
        'seed 2 x data 4 x model 1 with shard_parameters',
        'seed 2 x data 2 x model 2 with shard_parameters',
    ]
    assert said.err.startswith('launch.py: rope: fits no mesh that was tried: seed 2 x data 4 x model 1: training asks')
    assert said.err.count('\n') == 1
    assert json.loads((tmp_path / 'run' / 'compile.json').read_text())['here']['runs']['rope']['fits'] is None


def test_the_first_mesh_with_room_is_said_with_the_flags_that_ask_for_it(tmp_path, flags, monkeypatch, capsys):
    """Where a copy of all parameters and averages on each device is too much."""
    flags = [*flags, '--config.model.hidden=1024', '--config.evaluate.batch_tokens=64']
    assert compile_rope(flags) == 0
    kept = tmp_path / 'run' / 'compile.json'
    whole = json.loads(kept.read_text())['here']['runs']['rope']['tried'][0]['programs']['training']['memory']
    capsys.readouterr()
    monkeypatch.setattr(memory, 'available', lambda devices: whole - 1)
    assert compile_rope(flags) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    mesh = 'seed 2 x data 4 x model 1 with shard_parameters'
    assert last == f'rope fits as {mesh}: --config.mesh.model=1 --config.mesh.shard_parameters=true.'
    run = json.loads(kept.read_text())['here']['runs']['rope']
    assert run['fits'] == dict(seed=2, data=4, model=1, shard_parameters=True)
    assert run['tried'][1]['programs']['training']['memory'] < whole


def test_what_cannot_be_run_cannot_be_compiled_and_says_so_in_the_same_line(flags, capsys):
    assert compile_rope([*flags, '--config.mesh.model=3']) == 2
    assert capsys.readouterr().err == 'launch.py: config.mesh.model: got 3, wanted a divisor of the 8 devices.\n'


def test_what_was_found_for_another_machine_stays(tmp_path, flags):
    (tmp_path / 'run').mkdir()
    kept = tmp_path / 'run' / 'compile.json'
    kept.write_text('{"v5e:2x2": {"devices": 4}}')
    machine = ahead.machine_of(command_line.parse(['--config=configs/rope.py', *flags]))
    ahead.keep(kept, machine, {'rope': {}})
    assert list(json.loads(kept.read_text())) == ['v5e:2x2', 'here']


STUDY = '''"""Does it fit?"""
from posbench.runs.study import Run

SMALL = {'model.layers': '1', 'dataset.tokenizer': 'bytes', 'evaluate.multiples': '1'}

def runs():
    return [
        Run('rope', 'configs/rope.py', SMALL),
        Run('other_seed', 'configs/rope.py', SMALL | {'seeds': '7'}),
        Run('other_rate', 'configs/rope.py', SMALL | {'optimizer.learning_rate': '1e-4', 'train.steps': '2000'}),
        Run('other_data', 'configs/rope.py', SMALL | {'dataset.name': 'medium'}),
        Run('two_seeds', 'configs/rope.py', SMALL | {'seeds': '0,1'}),
        Run('no_clipping', 'configs/rope.py', SMALL | {'optimizer.clip_norm': 'None'}),
        Run('alibi', 'configs/alibi.py', SMALL),
        Run('longer', 'configs/rope.py', SMALL | {'train.length': '256'}),
    ]
'''


@pytest.fixture
def request_of_study(tmp_path):
    (tmp_path / 'fits.py').write_text(STUDY)
    return command_line.parse([f'--experiment={tmp_path}/fits.py', '--mode=compile', f'--workdir={tmp_path}/study'])


def test_runs_that_differ_in_seeds_data_or_numbers_have_one_program(request_of_study):
    _, runs, _ = study.planned(request_of_study)
    keys = {one.name: ahead_of_study.key(one) for one in runs}
    same = {name for name, key in keys.items() if key == keys['rope']}
    assert same == {'rope', 'other_seed', 'other_rate', 'other_data'}
    assert len(set(keys.values())) == 5


def test_of_a_study_every_distinct_program_is_a_line_and_one_that_does_not_fit_is_named(
    request_of_study, tmp_path, monkeypatch, capsys
):
    asked = []

    def build(config, name, machine):
        asked.append(name)
        if name == 'longer':
            raise ValueError('config.train.length: got 256, wanted less')
        return name

    def fit(name, config, machine, say):
        from posbench.devices.programs import Cost

        taken = 10**15 if name == 'alibi' else 1000
        cost = Cost(taken, dict(arguments=taken), {}, 5e9, 0.25, 0.0, 'a guess')
        return [ahead.Tried(dict(seed=1, data=8, model=1), dict(training=cost), cost.fits(machine), 2.0)]

    monkeypatch.setattr(ahead, 'build', build)
    monkeypatch.setattr(ahead, 'fit', fit)
    monkeypatch.setattr(memory, 'available', lambda devices: 10**9)
    assert ahead_of_study.run(request_of_study) == 1
    assert asked == ['rope', 'two_seeds', 'no_clipping', 'alibi', 'longer']
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert len(lines) == 1 + 5 + 1
    assert lines[1].startswith('[1/5] rope (and 3 that differ in seeds, data or numbers): fits as seed 1 x data 8')
    assert ', in training; 5 GFLOP a device, about 250 ms a step; 1 programs in 2 s' in lines[1]
    assert lines[4].startswith('[4/5] alibi: fits no mesh that was tried: ')
    assert lines[5] == '[5/5] longer: config.train.length: got 256, wanted less'
    assert lines[6] == '8 runs, 5 distinct ones, 4 programs compiled in 8 s: 3 fit here.'
    assert said.err == 'launch.py: 2 of 5 do not fit here: alibi, longer\n'
    # No run was made.
    assert [path.name for path in (tmp_path / 'study').iterdir()] == ['compile.json']
    kept = json.loads((tmp_path / 'study' / 'compile.json').read_text())['here']['runs']
    assert kept['rope']['also'] == ['other_seed', 'other_rate', 'other_data']
    assert kept['longer'] == dict(fits=None, error='config.train.length: got 256, wanted less', also=[])
