import json
import os
import pathlib
import subprocess
import sys

import pytest

from posbench import manifest
from posbench.knobs import schema
from posbench.knobs.kinds import UsageError
from posbench.runs import workdir

ROOT = pathlib.Path(schema.__file__).parents[2]
ROPE = ROOT / 'configs' / 'rope.py'


@pytest.fixture(scope='module')
def config():
    return schema.load(ROPE)


def with_checkpoint(folder):
    (folder / 'checkpoints' / '500').mkdir(parents=True)


def trained_with(folder, config, step=500):
    """A checkpoint, without its arrays, that says of which config it is."""
    (folder / 'checkpoints' / f'{step:08d}').mkdir(parents=True)
    notes = dict(origin=dict(config=json.loads(config.to_json())))
    manifest.write(folder / 'checkpoints' / f'{step:08d}', dict(step=step, notes=notes))


def refusal(path, config, resume='auto', mode='train'):
    with pytest.raises(UsageError) as error, workdir.open_workdir(path, config, resume, mode=mode):
        pass
    assert '\n' not in str(error.value)
    return str(error.value)


def test_a_new_folder_gets_the_whole_config_and_nothing_half_written(tmp_path, config):
    with workdir.open_workdir(tmp_path / 'a' / 'b', config) as folder:
        assert schema.load(folder / 'config.json') == config
        assert sorted(os.listdir(folder)) == ['.lock', 'config.json']


def test_the_same_config_opens_the_folder_again_and_leaves_the_file_alone(tmp_path, config):
    with workdir.open_workdir(tmp_path, config):
        pass
    before = (tmp_path / 'config.json').stat()
    for resume in ('auto', 'must'):
        (tmp_path / 'checkpoints' / '500').mkdir(parents=True, exist_ok=True)
        with workdir.open_workdir(tmp_path, config, resume):
            pass
    assert (tmp_path / 'config.json').stat().st_mtime_ns == before.st_mtime_ns


def test_another_config_is_refused_with_up_to_three_differences(tmp_path, config):
    with workdir.open_workdir(tmp_path, config):
        pass
    with_checkpoint(tmp_path)
    text = (tmp_path / 'config.json').read_text()
    other = schema.load(ROPE, {'train.steps': 300, 'seeds': '0,1'})
    assert refusal(tmp_path, other) == (
        f'{tmp_path}: it holds another run: config.seeds is (0,) there and (0, 1) here; '
        'config.train.steps is 1000 there and 300 here; choose another --workdir'
    )
    alibi = schema.load(ROPE, {'encoding.name': 'alibi', 'train.steps': 300, 'seeds': '0,1', 'model.layers': 2})
    line = refusal(tmp_path, alibi)
    assert "config.encoding.name is 'rotary' there and 'alibi' here" in line and ' more; choose' in line
    assert (tmp_path / 'config.json').read_text() == text


def test_an_option_of_the_other_encoding_is_not_set(tmp_path, config):
    with workdir.open_workdir(tmp_path, config):
        pass
    line = refusal(tmp_path, schema.load(ROPE, {'encoding.name': 'none'}))
    assert "config.encoding.layout is 'half' there and not set here" in line
    assert line.endswith('choose another --workdir, or start over here with --resume=never')


def test_a_config_that_is_gone_is_known_from_the_checkpoints(tmp_path, config):
    trained_with(tmp_path, config)
    other = schema.load(ROPE, {'optimizer.learning_rate': '1e-3'})
    for mode in ('train', 'evaluate'):
        assert refusal(tmp_path, other, mode=mode) == (
            f'{tmp_path}: its checkpoint 00000500 is of another run: config.optimizer.learning_rate is 0.003 there and '
            '0.001 here; choose another --workdir, or have both in one run with --resume=anyway'
        )
    assert not (tmp_path / 'config.json').exists()
    with workdir.open_workdir(tmp_path, config):
        assert schema.load(tmp_path / 'config.json') == config


def test_a_config_that_was_edited_is_not_the_one_of_the_checkpoints(tmp_path, config):
    trained_with(tmp_path, config, 250)
    trained_with(tmp_path, config)
    edited = schema.load(ROPE, {'encoding.theta': '500000.0'})
    (tmp_path / 'config.json').write_text(workdir.as_json(edited))
    for mode in ('train', 'evaluate', 'generate'):
        assert 'config.encoding.theta is 10000.0 there and 500000.0 here' in refusal(tmp_path, edited, mode=mode)
    with workdir.open_workdir(tmp_path, edited, 'anyway'):
        assert schema.load(tmp_path / 'config.json') == edited


def test_anyway_takes_the_config_of_the_command_for_a_run_and_leaves_that_of_one_that_is_looked_at(tmp_path, config):
    other = schema.load(ROPE, {'encoding.theta': '500000.0'})
    for mode, wanted in (('evaluate', config), ('train', other)):
        with workdir.open_workdir(tmp_path, config):
            pass
        with workdir.open_workdir(tmp_path, other, 'anyway', mode=mode):
            assert schema.load(tmp_path / 'config.json') == wanted


def test_what_is_generated_and_looked_for_may_change_between_two_commands(tmp_path, config):
    with workdir.open_workdir(tmp_path, config):
        pass
    with workdir.open_workdir(tmp_path, schema.load(ROPE, {'generate.prompt': 'Emma', 'debug_nans': 'true'})):
        pass
    assert schema.load(tmp_path / 'config.json') == config


def test_a_run_may_go_on_on_other_devices_and_its_config_then_says_so(tmp_path, config):
    trained_with(tmp_path, config)
    moved = schema.load(
        ROPE, {'mesh.data': '4', 'mesh.shard_parameters': 'true', 'parallel': 'jit', 'distributed': 'false'}
    )
    with workdir.open_workdir(tmp_path, config):
        pass
    for mode, wanted in (('evaluate', config), ('train', moved)):
        with workdir.open_workdir(tmp_path, moved, mode=mode):
            assert schema.load(tmp_path / 'config.json') == wanted


def test_what_is_scored_may_change_where_nothing_is_trained(tmp_path, config):
    with workdir.open_workdir(tmp_path, config):
        pass
    other = schema.load(ROPE, {'evaluate.multiples': '1,16', 'evaluate.batch_tokens': '16384'})
    assert 'config.evaluate.multiples' in refusal(tmp_path, other)
    for mode in ('evaluate', 'generate'):
        assert 'no run with checkpoints' in refusal(tmp_path, other, mode=mode)
    with_checkpoint(tmp_path)
    for mode in ('evaluate', 'generate'):
        with workdir.open_workdir(tmp_path, other, mode=mode):
            pass
        assert 'config.seeds' in refusal(tmp_path, schema.load(ROPE, {'seeds': '0,1'}), mode=mode)
    assert schema.load(tmp_path / 'config.json') == config


@pytest.mark.parametrize(
    'schedule, line',
    [
        ('constant', ', as if it had been one of 1300 from the start.'),
        (
            'cosine',
            '. Not as if it had been one of 1300 from the start: its first steps followed a cosine over 1000 steps, '
            'and those to come follow one over 1300.',
        ),
    ],
)
def test_a_run_may_go_on_longer_and_its_config_then_says_so(tmp_path, capsys, schedule, line):
    def config(steps):
        return schema.load(ROPE, {'optimizer.schedule': schedule, 'train.steps': str(steps)})

    with workdir.open_workdir(tmp_path, config(1000)):
        pass
    with_checkpoint(tmp_path)
    for mode in ('evaluate', 'generate'):
        assert 'it holds another run: config.train.steps is 1000' in refusal(tmp_path, config(1300), mode=mode)
    assert capsys.readouterr().out == ''
    with workdir.open_workdir(tmp_path, config(1300)):
        pass
    assert capsys.readouterr().out == f'{tmp_path}: this run of 1000 steps goes on to 1300{line}\n'
    assert schema.load(tmp_path / 'config.json') == config(1300)
    assert 'it holds another run: config.train.steps is 1300 there and 1000 here' in refusal(tmp_path, config(1000))
    other = schema.load(ROPE, {'optimizer.schedule': schedule, 'train.steps': '2000', 'seeds': '0,1'})
    assert 'it holds another run: config.seeds is (0,) there and (0, 1) here' in refusal(tmp_path, other)
    assert schema.load(tmp_path / 'config.json') == config(1300)


def test_a_run_with_a_second_phase_does_not_go_on_longer(tmp_path):
    drope = ROOT / 'configs' / 'drope.py'
    with workdir.open_workdir(tmp_path, schema.load(drope)):
        pass
    assert refusal(tmp_path, schema.load(drope, {'train.steps': '1300'})) == (
        f'{tmp_path}: config.train.steps is 1000 there and 1300 here, which moves the second phase, whose steps are '
        'the last ones; choose another --workdir'
    )
    assert schema.load(tmp_path / 'config.json') == schema.load(drope)


def test_never_keeps_a_run_with_checkpoints_or_rows_and_replaces_one_without(tmp_path, config):
    other = schema.load(ROPE, {'train.steps': 300})
    with workdir.open_workdir(tmp_path, config):
        pass
    with workdir.open_workdir(tmp_path, other, 'never') as folder:
        assert schema.load(folder / 'config.json') == other
    (tmp_path / 'rows.jsonl').write_text('{}\n')
    line = f'{tmp_path}: it has rows of a run, which --resume=never keeps; choose another --workdir'
    assert refusal(tmp_path, other, 'never') == line
    with_checkpoint(tmp_path)
    assert refusal(tmp_path, config, 'never') == line.replace('rows', 'checkpoints')


def test_must_wants_a_run_and_makes_no_folder(tmp_path, config):
    path = tmp_path / 'new'
    line = f'{path}: there is no run with checkpoints to resume; start one with --resume=auto'
    assert refusal(path, config, 'must') == line
    assert not path.exists()


@pytest.mark.parametrize('text', ['', '{"encoding": ', '[]', '{"model": 3}', '{}'])
def test_a_damaged_config_is_named_and_kept(tmp_path, config, text):
    file = tmp_path / 'config.json'
    file.write_text(text)
    with_checkpoint(tmp_path)
    line = refusal(tmp_path, config)
    assert line.startswith(f'{file}: it cannot be used as the config of this run (')
    assert 'move that one file away' in line
    assert file.read_text() == text and (tmp_path / 'checkpoints' / '500').is_dir()
    file.rename(tmp_path / 'config.json.damaged')
    with workdir.open_workdir(tmp_path, config):
        assert json.loads(file.read_text())['encoding']['name'] == 'rotary'


def test_a_config_with_one_bad_knob_names_it(tmp_path, config):
    stored = json.loads(workdir.as_json(config))
    stored['train']['steps'] = -1
    (tmp_path / 'config.json').write_text(json.dumps(stored))
    assert 'config.train.steps: got -1, wanted an integer of at least 1' in refusal(tmp_path, config)


def test_what_is_no_folder_or_cannot_be_written_is_one_line(tmp_path, config):
    (tmp_path / 'file').write_text('')
    tail = 'choose another --workdir'
    for path, reason in {tmp_path / 'file': 'File exists', tmp_path / 'file' / 'x': 'Not a directory'}.items():
        assert refusal(path, config) == f'{path}: it cannot be used as a run folder: {reason}; {tail}'
    assert refusal(tmp_path / ('x' * 300), config).endswith(f'File name too long; {tail}')
    assert refusal('/proc/posbench', config).endswith(tail)


@pytest.mark.skipif(os.geteuid() == 0, reason='the superuser may write everywhere')
def test_a_read_only_folder_is_one_line(tmp_path, config):
    tmp_path.chmod(0o500)
    assert 'Permission denied' in refusal(tmp_path, config)


def test_a_folder_that_is_held_is_refused_with_the_number_of_its_process(tmp_path, config):
    code = (
        'import sys\n'
        'from posbench.knobs import schema\n'
        'from posbench.runs import workdir\n'
        'with workdir.open_workdir(sys.argv[1], schema.load(sys.argv[2])):\n'
        "    print('held', flush=True)\n"
        '    sys.stdin.read()\n'
    )
    command = [sys.executable, '-c', code, str(tmp_path), str(ROPE)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == 'held\n'
        assert refusal(tmp_path, config) == (
            f'{tmp_path}: process {process.pid} is running in it; wait until it ends or choose another --workdir'
        )
        # Killed without a chance to clean up, it holds nothing any more.
        process.kill()
        process.wait()
    with workdir.open_workdir(tmp_path, config):
        assert (tmp_path / '.lock').read_text() == f'{os.getpid()}\n'


def test_a_folder_is_free_again_after_an_error_inside(tmp_path, config):
    with pytest.raises(ZeroDivisionError), workdir.open_workdir(tmp_path, config):
        _ = 1 / 0
    with workdir.open_workdir(tmp_path, config):
        pass
