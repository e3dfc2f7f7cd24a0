"""The real command from end to end: the files it leaves, its modes, and every way to train, on tiny runs."""

import errno
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import traceback
from unittest import mock

import jax
import numpy as np
import pytest

import launch
import posbench
from posbench import files
from posbench.devices import host
from posbench.knobs import command_line
from posbench.training import job, loop, origin, room
from tests import real_command

KEYS = (
    *('experiment', 'run', 'encoding', 'options', 'task', 'seed', 'split', 'length', 'metric', 'value', 'chance'),
    *('examples', 'step', 'train_length', 'params', 'encoding_params', 'wall_seconds', 'device', 'git_sha'),
    *('config_hash', 'version'),
)
METRICS = ('loss', 'perplexity', 'bits_per_character')
TINY_STEPS = ('--config.train.steps=10', '--config.evaluate.multiples=1')


@pytest.fixture
def here(monkeypatch, capsys):
    """The command in this process, whose settings it leaves alone."""
    monkeypatch.setattr(host, 'prepare', lambda devices: None)
    monkeypatch.setattr(host, 'compilation_cache', lambda folder: None)

    def command(*arguments) -> subprocess.CompletedProcess:
        capsys.readouterr()
        code = launch.main(list(map(str, arguments)))
        return subprocess.CompletedProcess(arguments, code, *capsys.readouterr())

    return command


def refused(done: subprocess.CompletedProcess) -> str:
    """The line of an error that was found before anything was trained."""
    assert done.returncode == 2
    return done.stderr.splitlines()[-1]


@pytest.fixture(scope='module')
def flags(tmp_path_factory):
    text = real_command.write_text(tmp_path_factory.mktemp('text'))
    # The same mesh in a process with more devices than two.
    return [*text, '--config.evaluate.tokens=128', '--config.mesh.seed=2', '--config.mesh.data=1']


@pytest.fixture(scope='module')
def run(flags, tmp_path_factory):
    """A finished run: its folder, and the command that made it."""
    folder = tmp_path_factory.mktemp('runs') / 'rope'
    command = ['--config=configs/rope.py', *flags, f'--workdir={folder}']
    done = real_command.launch(*command)
    assert done.returncode == 0, done.stderr
    assert 'bits per character by test length' in done.stdout
    return folder, command


def rows(folder: pathlib.Path) -> list[dict]:
    return [json.loads(line) for line in (folder / 'rows.jsonl').read_text().splitlines()]


def test_a_run_leaves_the_files_of_its_contract(run):
    folder, _ = run
    names = {path.name for path in folder.iterdir()}
    assert {'config.json', 'metrics.jsonl', 'timing.jsonl', 'rows.jsonl', 'encoding.json', 'fingerprint.json'} < names
    assert {'task.json', 'parts.jsonl', 'samples.json'} < names
    assert {'checkpoints', 'report.html', 'report.md', 'tb'} < names
    assert any(name.endswith('.png') for name in names)
    assert [path.name for path in sorted((folder / 'checkpoints').iterdir())] == ['00000010', '00000020']
    lines = [json.loads(line) for line in (folder / 'metrics.jsonl').read_text().splitlines()]
    assert {tuple(line) for line in lines} == {('step', 'split', 'name', 'value', 'seed')}
    assert [line['step'] for line in lines if line['name'] == 'grad_norm' and line['seed'] == 1] == [5, 10, 15, 20]
    config = json.loads((folder / 'config.json').read_text())
    assert (config['seeds'], config['train']['steps'], config['encoding']['theta']) == ([0, 1], 20, 10_000.0)


def test_rows_have_the_keys_of_the_contract_and_every_length_the_first_unseen_among_them(run):
    folder, _ = run
    found = rows(folder)
    assert {tuple(row) for row in found} == {KEYS}
    scored = [row for row in found if row['split'] == 'test' and row['length'] and row['metric'] != 'loss_at_position']
    wanted = {
        (seed, length, f'{protocol}/{metric}')
        for seed in (0, 1)
        for length in (16, 17, 32)
        for protocol in ('windows', 'sliding')
        for metric in METRICS
    }
    assert {(row['seed'], row['length'], row['metric']) for row in scored} == wanted
    assert len(scored) == len(wanted)
    first_unseen = [row for row in found if row['metric'] == 'loss_at_position' and row['length'] == 17]
    windows = [row for row in scored if row['metric'] == 'windows/loss' and row['length'] == 32 and row['seed'] == 0]
    assert [row['examples'] for row in first_unseen] == [windows[0]['examples'] // 32] * 2
    assert {row['run'] for row in found} == {'rope', 'baseline:unigram', 'baseline:5-gram'}
    assert all(isinstance(row['value'], float) for row in found)


def test_the_same_command_again_only_reports(run):
    folder, command = run
    before = {name: (folder / name).read_bytes() for name in ('rows.jsonl', 'metrics.jsonl', 'report.html')}
    (folder / 'report.html').unlink()
    done = real_command.launch(*command)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, f'{folder}: this run is done; here is its report.')
    assert before == {name: (folder / name).read_bytes() for name in before}


WITHOUT_JAX = """
import sys
import launch
code = launch.main(sys.argv[1:])
heavy = {'jax', 'jaxlib', 'flax', 'optax', 'orbax', 'tensorflow'} & set(sys.modules)
sys.exit(f'imported {heavy}' if heavy else code)
"""


def test_a_report_is_rebuilt_byte_for_byte_without_jax(run):
    folder, _ = run
    before = {path.name: path.read_bytes() for path in folder.glob('*report*')}
    for path in folder.glob('*report*'):
        path.unlink()
    arguments = [sys.executable, '-c', WITHOUT_JAX, f'--report={folder}']
    done = subprocess.run(arguments, cwd=real_command.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert before == {path.name: path.read_bytes() for path in folder.glob('*report*')}


@pytest.mark.parametrize('charset', ['latin-1', 'ascii'])
def test_what_a_pipe_has_no_code_for_is_printed_as_escapes(run, charset, tmp_path):
    folder = shutil.copytree(run[0], tmp_path / '中文', ignore=shutil.ignore_patterns('checkpoints'))
    text = (folder / 'rows.jsonl').read_text('utf-8')
    (folder / 'rows.jsonl').write_text(text.replace('"run": "rope"', '"run": "编码"'), 'utf-8')
    (folder / 'manifest.json').unlink()  # It vouches for the rows as the run wrote them.
    done = real_command.launch(f'--report={folder}', PYTHONIOENCODING=charset)
    assert (done.returncode, done.stderr) == (0, '')
    assert r'\u7f16\u7801' in done.stdout and r'\u4e2d\u6587' in done.stdout.replace('\n', '')
    done = real_command.launch(f'--report={folder / "没有"}', PYTHONIOENCODING=charset)
    assert done.returncode == 2 and r'\u6ca1\u6709' in done.stderr


def test_a_finished_run_vouches_for_all_that_a_report_reads(run):
    folder, _ = run
    vouched = json.loads((folder / 'manifest.json').read_text('utf-8'))['files']
    assert {path.name for path in folder.glob('*.json*')} == {'manifest.json', *vouched}


def test_the_page_has_what_the_model_says(run):
    folder, _ = run
    samples = json.loads((folder / 'samples.json').read_text('utf-8'))
    assert samples['about'].startswith('Seed 0, step 20: "It is a truth universally acknowledged", and 8 new tokens')
    (text,) = samples['texts']
    assert text.startswith('It is a truth universally acknowledged')
    assert '<h2>What it says</h2>' in (folder / 'report.html').read_text('utf-8')


def test_generate_prints_the_prompt_continued(run, here):
    done = here(*run[1], '--mode=generate', '--config.generate.prompt=A wife')
    assert done.returncode == 0, done.stderr
    head, *samples = done.stdout.split('--- sample ')
    assert (head, len(samples)) == ('', 2)
    for number, sample in enumerate(samples, start=1):
        assert sample.startswith(f'{number} of 2 ---\nA wife')
        assert len(sample) > len('1 of 2 ---\nA wife\n')


def test_embed_gives_a_vector_of_each_line_of_a_file_or_of_standard_input(run, here, monkeypatch, tmp_path):
    texts, vectors = tmp_path / 'texts', tmp_path / 'vectors.npy'
    texts.write_text('A wife\n\nA wife, who is far longer than the others')
    done = here(*run[1], '--mode=embed', f'--input={texts}', f'--output={vectors}')
    assert (done.returncode, done.stdout) == (0, ''), done.stderr
    said = 'Texts: 3, 1 of them cut at config.train.length = 16. Tokens: 47. Seeds: 2.'
    assert done.stderr.splitlines()[-1] == f'{said} Their vectors are in {vectors}.'
    monkeypatch.setattr(sys, 'stdin', io.TextIOWrapper(io.BytesIO(texts.read_bytes())))
    done = here(*run[1], '--mode=embed', '--quiet')
    assert (done.returncode, done.stderr) == (0, '')
    lines = [line.split('\t') for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == texts.read_text().split('\n')
    np.testing.assert_array_equal(np.array([line[1:] for line in lines], np.float32), np.load(vectors))


def test_a_run_that_says_no_classes_predicts_none_in_one_line(run, here):
    done = here(*run[1], '--mode=predict', '--quiet')
    line = (
        'launch.py: predict: got a run of text/folder, which says tokens; wanted one that says classes or tags of texts'
    )
    assert (done.returncode, done.stdout) == (2, '') and done.stderr.startswith(line) and done.stderr.count('\n') == 1


def test_a_pipeline_of_a_folder_gives_what_the_command_prints(run, here, monkeypatch):
    monkeypatch.setattr(sys, 'stdin', io.TextIOWrapper(io.BytesIO(b'A wife')))
    done = here(f'--workdir={run[0]}', '--mode=embed', '--of=words', '--quiet')
    (line,) = done.stdout.splitlines()
    vectors_NE = posbench.pipeline(run[0]).embed('A wife', of='words')
    np.testing.assert_array_equal(np.array([line.split('\t')[1:]], np.float32), vectors_NE)


def test_evaluate_gives_the_rows_of_training(run, here):
    folder, command = run
    before = rows(folder)
    done = here(*command, '--mode=evaluate')
    assert done.returncode == 0, done.stderr
    assert rows(folder) == before


def test_weights_are_not_scored_on_other_data_and_what_was_scored_stays(run, here, monkeypatch):
    folder, command = run
    true, before = origin.of, {path: path.read_bytes() for path in folder.glob('[!.]*') if path.is_file()}
    monkeypatch.setattr(origin, 'of', lambda *given: true(*given) | dict(data='0123456789abcdef'))
    line = refused(here(*command, '--mode=evaluate'))
    assert re.search(r'Step 20 is of another run: the data \(SHA-256 \w+ there and 0123456789abcdef here\)', line)
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize('error', [MemoryError(), jax.errors.JaxRuntimeError('RESOURCE_EXHAUSTED: 9 bytes.\nstack')])
def test_too_little_memory_is_one_line(here, flags, monkeypatch, tmp_path, error):
    monkeypatch.setattr(loop, 'run', mock.Mock(side_effect=error))
    done = here('--config=configs/rope.py', *flags, '--quiet', f'--workdir={tmp_path / "run"}')
    said = str(error).partition('.')[0] or 'out of memory'
    assert (done.returncode, done.stderr.count('\n')) == (1, 1)
    assert done.stderr.startswith(f'launch.py: {said}; the last checkpoint is kept; a smaller config.train.batch_size')


def test_evaluating_half_a_run_does_not_end_it(run, here, tmp_path):
    folder, command = run
    stopped = [*command[:-1], f'--workdir={tmp_path}']
    for name in ('config.json', 'metrics.jsonl', 'timing.jsonl'):
        shutil.copy(folder / name, tmp_path)
    shutil.copytree(folder / 'checkpoints' / '00000010', tmp_path / 'checkpoints' / '00000010')
    assert here(*stopped, '--mode=evaluate').returncode == 0
    assert {row['step'] for row in rows(tmp_path)} == {10, None}
    assert here(*stopped).returncode == 0
    assert {row['step'] for row in rows(tmp_path)} == {20, None}
    values = [[row['value'] for row in rows(place)] for place in (folder, tmp_path)]
    assert values[0] == values[1]


def test_a_finished_run_is_scored_at_another_length_without_training(run, here, tmp_path):
    """Its folder is all that is needed, under whatever name."""
    before, folder = rows(run[0]), tmp_path / 'elsewhere'
    shutil.copytree(run[0], folder)
    unchanged = ('config.json', 'metrics.jsonl', 'timing.jsonl')
    files = {name: (folder / name).read_bytes() for name in unchanged}
    stamps = {path: path.stat().st_mtime_ns for path in (folder / 'checkpoints').rglob('*')}
    flags = ['--devices=2', f'--workdir={folder}', '--mode=evaluate', '--config.evaluate.multiples=1,4']
    done = here(*flags)
    assert done.returncode == 0, done.stderr
    after = {(row['run'], row['split'], row['seed'], row['metric'], row['length']): row for row in rows(folder)}
    assert {row['length'] for row in after.values() if row['metric'] == 'windows/loss'} == {16, 17, 32, 64}
    for row in before:
        if row['metric'].startswith('windows/'):
            again = after[row['run'], row['split'], row['seed'], row['metric'], row['length']]
            assert again | dict(config_hash=row['config_hash']) == row
    assert files == {name: (folder / name).read_bytes() for name in unchanged}
    assert stamps == {path: path.stat().st_mtime_ns for path in (folder / 'checkpoints').rglob('*')}


@pytest.fixture
def copied(run, tmp_path):
    """A copy of the finished run, and the command that goes on with it."""
    folder, command = run
    return shutil.copytree(folder, tmp_path / 'rope'), [*command[:-1], f'--workdir={tmp_path}/rope', '--quiet']


def change_a_digit(path: pathlib.Path) -> None:
    text = path.read_text()
    at = text.rindex('"value": ') + len('"value": 0.')
    path.write_text(text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :])


@pytest.mark.parametrize('name', ['rows.jsonl', 'metrics.jsonl'])
def test_a_changed_number_is_on_the_page_and_made_good_by_the_same_command(run, copied, here, name):
    folder, command = copied
    before, whole = rows(folder), (folder / name).read_bytes()
    change_a_digit(folder / name)
    done = here(f'--report={folder}')
    assert done.returncode == 1
    assert done.stderr == f'launch.py: {folder}: {name} does not match its SHA-256; it was changed after the run.\n'
    assert f'{name} does not match its SHA-256' in (folder / 'report.html').read_text()
    refusal = here(f'--workdir={folder}', '--devices=2', '--mode=evaluate', '--quiet')
    assert refusal.returncode == 1
    assert f'{name} does not match its SHA-256; without --mode' in refusal.stderr
    again = here(*command)
    assert (again.returncode, again.stderr) == (0, '')
    now = [row | dict(wall_seconds=None) for row in rows(folder)]
    assert now == [row | dict(wall_seconds=None) for row in before]
    assert (folder / name).read_bytes() == whole or name == 'rows.jsonl'
    assert (folder / 'damaged-rows.jsonl').exists() == (name == 'rows.jsonl')
    assert here(f'--report={folder}').returncode == 0
    assert 'CHANGED' not in (folder / 'report.md').read_text()


def test_rows_that_nothing_vouches_for_are_reported_as_such(copied, here):
    folder, _ = copied
    (folder / 'manifest.json').unlink()
    assert here(f'--report={folder}').returncode == 0
    assert 'Nothing vouches for the files of this folder' in (folder / 'report.md').read_text()


def test_changed_rows_without_a_checkpoint_to_score_are_not_trained_again(copied, here):
    folder, command = copied
    shutil.rmtree(folder / 'checkpoints')
    change_a_digit(folder / 'rows.jsonl')
    before = (folder / 'rows.jsonl').read_bytes()
    done = here(*command)
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr.startswith(f'launch.py: {folder}: rows.jsonl does not match its SHA-256; move its manifest.json')
    assert before == (folder / 'rows.jsonl').read_bytes()


def test_generating_leaves_what_a_run_has_written_alone(copied, here):
    folder, command = copied
    assert here(*command, '--mode=generate').returncode == 0
    assert here(f'--report={folder}').returncode == 0


@pytest.mark.parametrize('reason', ['No space left on device', 'Read-only file system'])
def test_a_report_that_cannot_be_written_is_one_line(copied, here, monkeypatch, reason):
    folder, _ = copied

    def refuses(*_):
        raise OSError({os.strerror(number): number for number in (errno.ENOSPC, errno.EROFS)}[reason], reason)

    monkeypatch.setattr(os, 'replace', refuses)
    done = here(f'--report={folder}')
    assert (done.returncode, done.stdout) == (1, '')
    assert re.fullmatch(rf'launch\.py: {re.escape(str(folder))}/\w+\.png: {reason}\n', done.stderr)


def test_a_full_disk_between_saves_is_one_line_and_the_same_command_goes_on(run, flags, here, tmp_path, monkeypatch):
    command = ['--config=configs/rope.py', *flags, f'--workdir={tmp_path}', '--quiet']
    whole = files.write_whole

    def full(file, data):
        # The log of the third call of steps, after the first checkpoint.
        if 'metrics' in str(file.name) and b'"step": 15' in bytes(data):
            raise OSError(errno.ENOSPC, 'No space left on device')
        whole(file, data)

    with monkeypatch.context() as patch:
        patch.setattr(files, 'write_whole', full)
        done = here(*command)
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr == f'launch.py: {tmp_path}/metrics.jsonl: No space left on device\n'
    assert [path.name for path in (tmp_path / 'checkpoints').iterdir()] == ['00000010']
    assert here(*command).returncode == 0
    assert (tmp_path / 'metrics.jsonl').read_bytes() == (run[0] / 'metrics.jsonl').read_bytes()


class Called(Exception):
    """Stands for the first call of the compiled steps."""


def test_from_main_to_the_compiled_steps_are_at_most_four_calls(flags, here, tmp_path, monkeypatch):
    found = []

    def steps(*_):
        found.extend(frame for frame in traceback.extract_stack()[:-1])
        raise Called

    monkeypatch.setattr(job.Job, 'compiled_steps', steps)
    # Which compiles them and does not call them.
    monkeypatch.setattr(room, 'check', lambda *_, **__: '')
    with pytest.raises(Called):
        here('--config=configs/rope.py', *flags, f'--workdir={tmp_path}', '--quiet')
    names = [(pathlib.Path(frame.filename), frame.name) for frame in found]
    start = names.index((real_command.ROOT / 'launch.py', 'main'))
    callers = [name for path, name in names[start:] if path.is_relative_to(real_command.ROOT)]
    assert len(callers) <= 4, callers


@pytest.mark.parametrize('knob', ['take', 'freeze', 'freeze_at_first'])
def test_a_pattern_of_no_parameter_is_one_line(knob, flags, here, tmp_path):
    beside = {'take': [f'--config.init.folder={tmp_path}'], 'freeze_at_first': ['--config.init.first_steps=3']}
    pattern = [f'--config.init.{knob}=block_7/*', *beside.get(knob, []), f'--workdir={tmp_path}/out']
    line = refused(here('--config=configs/rope.py', *flags, *pattern))
    assert line.startswith(f"launch.py: config.init.{knob}: got 'block_7/*', wanted a pattern of parameters; one is")


def test_a_folder_without_weights_is_one_line(flags, here, tmp_path):
    source = [f'--config.init.folder={tmp_path}', f'--workdir={tmp_path}/out', '--quiet']
    line = refused(here('--config=configs/rope.py', *flags, *source))
    assert line.startswith(f"launch.py: config.init.folder: got '{tmp_path}', wanted the folder of a run")


def test_a_length_that_the_task_cannot_score_is_one_line_before_anything_is_trained(here, tmp_path):
    flags = ['--config=configs/tasks/flip_flop.py', '--config.evaluate.first_unseen=true', f'--workdir={tmp_path}']
    line = refused(here(*flags, '--quiet'))
    assert line == 'launch.py: length: got 65, wanted an even number of at least 4.'
    assert not (tmp_path / 'checkpoints').exists()


def test_params_prints_the_table_and_makes_no_folder(flags, here, tmp_path):
    done = here('--config=configs/rope.py', *flags, f'--workdir={tmp_path}/none', '--mode=params')
    assert done.returncode == 0, done.stderr
    assert 'block_0' in done.stdout
    assert not (tmp_path / 'none').exists()


MY_ENCODING = """
import flax.linen as nn
from posbench.encodings import base

class Encoding(base.PositionEncoding):
    strength: float = 1.0

    @nn.nowrap
    def bias(self, pos_q_BL, pos_k_BM):
        distance_BLM = pos_q_BL[:, :, None] - pos_k_BM[:, None, :]
        return -self.strength * distance_BLM[:, None].astype('float32')
"""
MY_CONFIG = """
from configs import default

def get_config():
    config = default.get_config()
    config.encoding = dict(name='my_encoding', module='my_encoding.py', strength=0.5)
    return config
"""


def test_an_encoding_of_ones_own_trains_from_its_own_folder(flags, here, tmp_path, monkeypatch):
    (tmp_path / 'my_encoding.py').write_text(MY_ENCODING)
    (tmp_path / 'my_config.py').write_text(MY_CONFIG)
    monkeypatch.chdir(tmp_path)
    done = here('--config=my_config.py', *flags, *TINY_STEPS, '--workdir=out')
    assert done.returncode == 0, done.stderr
    row = rows(tmp_path / 'out')[0]
    assert (row['run'], row['encoding'], row['options']['encoding']['strength']) == ('my_config', 'my_encoding', 0.5)
    assert json.loads((tmp_path / 'out' / 'encoding.json').read_text())['kind'] == 'bias'


@pytest.mark.parametrize(
    'change, line',
    [
        (("'float32')", "'float33')"), "my_encoding.py:11: TypeError: data type 'float33' not understood"),
        (('[:, None].astype', '[:, :, 1:].astype'), 'my_encoding.py: no model can be made with it: '),
    ],
)
def test_a_file_of_ones_own_that_raises_or_gives_another_shape_is_one_line(flags, here, tmp_path, change, line):
    assert change[0] in MY_ENCODING
    (tmp_path / 'my_encoding.py').write_text(MY_ENCODING.replace(*change))
    (tmp_path / 'my_config.py').write_text(MY_CONFIG)
    done = here(f'--config={tmp_path}/my_config.py', *flags, '--mode=params')
    assert (done.returncode, done.stderr.count('\n')) == (2, 1)
    assert done.stderr.startswith(f'launch.py: {tmp_path}/{line}')


WAYS = dict(
    deep_in_bfloat16=[
        '--config.model.layers=2',
        '--config.model.scan_layers=true',
        '--config.model.remat=true',
        '--config.dtype=bfloat16',
    ],
    pmap=['--config.parallel=pmap', '--config.mesh.seed=1', '--config.mesh.data=2'],
    host=['--config.task.on_device=false', '--config.task.separate_documents=true'],
)


@pytest.mark.parametrize('way', WAYS)
def test_other_ways_to_train_learn_too(way, flags, here, tmp_path):
    flags = [*flags, *WAYS[way], *TINY_STEPS]
    done = here('--config=configs/rope.py', *flags, f'--workdir={tmp_path}/out')
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (tmp_path / 'out' / 'metrics.jsonl').read_text().splitlines()]
    losses = {(line['seed'], line['step']): line['value'] for line in lines if line['name'] == 'loss'}
    assert all(losses[seed, 10] < losses[seed, 5] for seed in (0, 1))


def test_help_names_every_flag():
    done = real_command.launch('--help')
    assert (done.returncode, done.stderr) == (0, '')
    assert all(f'--{flag}' in done.stdout for flag in command_line.FLAGS)
