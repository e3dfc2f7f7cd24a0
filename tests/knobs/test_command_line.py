# ruff: noqa: E501 - an expected message stays in one piece.
import pathlib
import subprocess
import sys

import pytest

from posbench.knobs import command_line, forms, schema
from posbench.knobs.kinds import UsageError

ROOT = pathlib.Path(schema.__file__).parents[2]
ROPE = 'configs/rope.py'
FLAGS = ', '.join(command_line.FLAGS)
TOP = ', '.join([*forms.MODEL.options(''), *forms.MODEL.groups])


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_a_config_run_has_a_config_a_name_and_a_folder():
    request = command_line.parse([f'--config={ROPE}', '--config.train.steps=300', '--config.seeds', '0,1'])
    assert (request.config.train.steps, request.config.seeds) == (300, (0, 1))
    assert (request.config_name, request.workdir) == ('rope', pathlib.Path('runs/rope'))
    assert (request.mode, request.resume, request.devices, request.report) == ('train', 'auto', None, None)


def test_both_spellings_and_any_order_mean_the_same():
    one = command_line.parse([f'--config={ROPE}', '--mode=params', '--workdir=w', '--config.model.layers=2', '--quiet'])
    other = command_line.parse(
        ['--quiet', '--config.model.layers', '2', '--workdir', 'w', '--mode', 'params', '--config', ROPE]
    )
    assert one == other


def test_the_last_of_two_equal_flags_counts():
    request = command_line.parse(
        ['--config=configs/alibi.py', f'--config={ROPE}', '--config.train.steps=-1', '--config.train.steps=100']
    )
    assert (request.config_name, request.config.train.steps) == ('rope', 100)


def test_a_value_may_hold_equal_signs_and_start_with_a_minus():
    request = command_line.parse([f'--config={ROPE}', '--config.generate.prompt=a=b --c', '--workdir', '-x'])
    assert (request.config.generate.prompt, request.workdir) == ('a=b --c', pathlib.Path('-x'))


def test_the_home_folder_is_found_where_the_shell_did_not_look(monkeypatch):
    monkeypatch.setenv('HOME', '/home/jane')
    assert command_line.parse([f'--config={ROPE}', '--workdir=~/runs']).workdir == pathlib.Path('/home/jane/runs')


def test_a_config_json_is_called_as_its_folder(tmp_path):
    folder = tmp_path / 'rope_long'
    folder.mkdir()
    config = schema.load(ROPE, {'train.steps': 700})
    (folder / 'config.json').write_text(config.to_json())
    request = command_line.parse([f'--config={folder}/config.json'])
    assert (request.config_name, request.workdir) == ('rope_long', folder)
    assert request.config == config


def test_the_folder_of_a_run_is_enough_for_a_mode(tmp_path, monkeypatch):
    folder = tmp_path / 'rope_long'
    folder.mkdir()
    (folder / 'config.json').write_text(schema.load(ROPE, {'train.steps': 700}).to_json())
    for argv in (
        [f'--workdir={folder}', '--mode=generate', '--config.generate.tokens=9'],
        [f'--config={folder}/config.json', '--mode=generate', '--config.generate.tokens=9'],
    ):
        request = command_line.parse(argv)
        assert (request.config_name, request.workdir, request.mode) == ('rope_long', folder, 'generate')
        assert (request.config.train.steps, request.config.generate.tokens) == (700, 9)
    monkeypatch.setenv('HOME', str(tmp_path))
    longer = command_line.parse(['--workdir=~/rope_long', '--config.train.steps=1400'])
    assert (longer.workdir, longer.mode, longer.config.train.steps) == (folder, 'train', 1400)


def test_a_study_has_its_part_and_pattern(tmp_path):
    (tmp_path / 'short.py').write_text('')
    request = command_line.parse(
        [
            f'--experiment={tmp_path}/short.py',
            '--shard=1/4',
            '--only=rope*',
            '--dry_run',
            '--executor=local',
            '--devices=8',
        ]
    )
    assert (request.shard, request.only, request.dry_run, request.executor) == ((1, 4), 'rope*', True, 'local')
    assert (request.workdir, request.devices, request.config) == (pathlib.Path('runs/short'), 8, None)


def test_a_report_has_a_folder_and_perhaps_a_readme(tmp_path):
    (tmp_path / 'README.md').write_text('')
    request = command_line.parse([f'--report={tmp_path}', f'--readme={tmp_path}/README.md'])
    assert (request.report, request.readme, request.workdir) == (tmp_path, tmp_path / 'README.md', None)


def test_an_atlas_has_a_folder_and_perhaps_a_config():
    plain = command_line.parse(['--atlas'])
    assert (plain.atlas, plain.config, plain.workdir) == (True, None, pathlib.Path('runs/atlas'))
    added = command_line.parse(['--atlas', f'--config={ROPE}', '--config.encoding.theta=500', '--workdir=w'])
    assert (added.atlas, added.config_name, added.workdir) == (
        *(True, 'rope with encoding.theta=500.0'),
        pathlib.Path('w'),
    )
    assert added.config.encoding.theta == 500.0
    assert not command_line.parse(['--atlas=false', f'--config={ROPE}']).atlas


@pytest.mark.parametrize('argv', [['--help'], ['-h'], ['--mode=params', '--help']])
def test_help_needs_nothing_else_and_names_every_flag(argv):
    assert command_line.parse(argv) == command_line.Request(help=True)
    for flag in command_line.FLAGS:
        assert f'--{flag}' in command_line.help_text()


BAD = [
    ([], 'got none of them, wanted exactly one of --config, --experiment, --report, --atlas, --submit; see --help'),
    ([f'--config={ROPE}', '--report=.'], 'got --config and --report, wanted exactly one of --config, --experiment, --report, --atlas, --submit; see --help'),
    (['--atlas', '--report=.'], 'got --report and --atlas, wanted exactly one of --config, --experiment, --report, --atlas, --submit; see --help'),
    (['--atlas', '--mode=params'], '--mode: it goes with --config or --experiment, not with --atlas'),
    (['--atlas', '--config.train.steps=3'], 'config.train.steps: a knob goes with --config or --experiment, not with --atlas'),
    (['--atlas', '--config=configs/rop.py'], "--config: got 'configs/rop.py', which is not a file; did you mean 'configs/rope.py'?"),
    (['--config.train.steps=3'], 'got none of them, wanted exactly one of --config, --experiment, --report, --atlas, --submit; see --help'),
    ([f'--config={ROPE}', '--workdr=x'], f'--workdr: there is no such flag; did you mean --workdir? Flags: {FLAGS}'),
    ([f'--config={ROPE}', '--dry-run'], f'--dry-run: there is no such flag; did you mean --dry_run? Flags: {FLAGS}'),
    ([f'--config={ROPE}', '--xyz'], f'--xyz: there is no such flag. Flags: {FLAGS}'),
    ([f'--config={ROPE}', '--'], f'--: there is no such flag. Flags: {FLAGS}'),
    ([ROPE], f"got '{ROPE}', wanted a flag, which starts with --; did you mean --config={ROPE}?"),
    ([f'--config={ROPE}', 'params'], "got 'params', wanted a flag, which starts with --"),
    ([f'--config={ROPE}', '-v'], "got '-v', wanted a flag, which starts with --"),
    ([f'--config={ROPE}', '--workdir'], '--workdir: it needs a value, as in --workdir=VALUE'),
    (['--config', '--mode=params'], '--config: it needs a value, as in --config=VALUE'),
    ([f'--config={ROPE}', '--config.train.steps'], 'config.train.steps: it needs a value, as in --config.train.steps=VALUE'),
    ([f'--config={ROPE}', '--workdir='], "--workdir: got '', wanted a path"),
    (['--workdir=configs', '--mode=params'], "--workdir: got 'configs', in which there is no config.json of a run; wanted the folder of a run, or --config=FILE as well"),
    (['--mode=params'], 'got none of them, wanted exactly one of --config, --experiment, --report, --atlas, --submit; see --help'),
    ([f'--config={ROPE}', '--mode=trian'], "--mode: got 'trian', wanted one of 'train', 'evaluate', 'generate', 'predict', 'embed', 'params', 'compile'; did you mean 'train'?"),
    ([f'--config={ROPE}', f'--input={ROPE}'], '--input: it goes with --mode=predict or --mode=embed, not with --mode=train'),
    ([f'--config={ROPE}', '--mode=predict', '--output=v.npy'], '--output: it goes with --mode=embed, not with --mode=predict'),
    ([f'--config={ROPE}', '--mode=generate', '--of=words'], '--of: it goes with --mode=embed, not with --mode=generate'),
    ([f'--config={ROPE}', '--mode=embed', '--of=word'], "--of: got 'word', wanted one of 'sentences', 'words'; did you mean 'words'?"),
    ([f'--config={ROPE}', '--mode=predict', '--input=configs/rop.py'], "--input: got 'configs/rop.py', which is not a file; did you mean 'configs/rope.py'?"),
    ([f'--config={ROPE}', '--mode=embed', '--output=v.pt'], "--output: got 'v.pt', wanted a file .npy, .safetensors or .tsv"),
    ([f'--config={ROPE}', '--mode=embed', '--output=nowhere/v.npy'], "--output: got 'nowhere/v.npy', whose folder is not there"),
    ([f'--config={ROPE}', '--resume=yes'], "--resume: got 'yes', wanted one of 'auto', 'must', 'never', 'anyway'"),
    ([f'--config={ROPE}', '--devices=0'], '--devices: got 0, wanted an integer from 1 to 1024'),
    ([f'--config={ROPE}', '--quiet=maybe'], "--quiet: got 'maybe', wanted true or false"),
    ([f'--config={ROPE}', '--shard=0/2'], '--shard: it goes with --experiment, not with --config'),
    ([f'--config={ROPE}', '--readme=README.md'], '--readme: it goes with --report, not with --config'),
    (['--report=configs', '--workdir=x'], '--workdir: it goes with --config or --experiment or --atlas or --submit, not with --report'),
    (['--report=configs', '--config.train.steps=3'], 'config.train.steps: a knob goes with --config or --experiment, not with --report'),
    (['--report=confgis'], "--report: got 'confgis', which is not a folder; did you mean 'configs'?"),
    (['--report=configs', '--readme=NO_SUCH'], "--readme: got 'NO_SUCH', which is not a file"),
    (['--config=configs/rop.py'], "--config: got 'configs/rop.py', which is not a file; did you mean 'configs/rope.py'?"),
    (['--config=configs'], "--config: got 'configs', which is not a file"),
    (['--config=/no/such/folder/x.py'], "--config: got '/no/such/folder/x.py', which is not a file"),
    (['--config=' + 'x' * 5000], None),
    (['--config=pyproject.toml'], "pyproject.toml: got a file '.toml', wanted a .py file with get_config() or a .json file"),
    (['--experiment=pyproject.toml'], "--experiment: got 'pyproject.toml', wanted a .py file with runs()"),
    (['--experiment=configs/rope.py', '--shard=4/4'], "--shard: got '4/4', wanted I/N with I from 0 to N - 1"),
    (['--experiment=configs/rope.py', '--shard=1'], "--shard: got '1', wanted I/N with I from 0 to N - 1"),
    (['--experiment=configs/rope.py', '--shard=-1/4'], "--shard: got '-1/4', wanted I/N with I from 0 to N - 1"),
    (['--experiment=configs/rope.py', '--executor=cloud'], "--executor: got 'cloud', wanted one of 'local', 'slurm', 'ray'"),
    (['--experiment=configs/rope.py', '--mode=params'], "--mode: got 'params', wanted compile, or no --mode, with --experiment"),
    ([f'--config={ROPE}', '--topology=v5e:2x2'], '--topology: it goes with --mode=compile, not with --mode=train'),
    (['--experiment=configs/rope.py', '--topology=v5e:2x2'], '--topology: it goes with --mode=compile, not with --mode=train'),
    ([f'--config={ROPE}', '--mode=compile', '--profile=5'], '--profile: it goes with --mode=train, not with --mode=compile'),
    ([f'--config={ROPE}', '--profile=0'], '--profile: got 0, wanted an integer of at least 1'),
    (['--experiment=configs/rope.py', '--profile=5'], '--profile: it goes with --config, not with --experiment'),
    ([f'--config={ROPE}', '--config.train.steps=-5'], 'config.train.steps: got -5, wanted an integer of at least 1'),
    ([f'--config={ROPE}', '--config.train.steps', '-5'], 'config.train.steps: got -5, wanted an integer of at least 1'),
    ([f'--config={ROPE}', '--config.model.width=130'], 'config.model.width: got 130, wanted a multiple of config.model.heads, which is 4'),
    ([f'--config={ROPE}', '--config.widht=3'], "config.widht: there is no such knob; did you mean 'config.model.width'? Knobs here: " + TOP),
    ([f'--config={ROPE}', '--config.=3'], 'config.: there is no such knob. Knobs here: ' + TOP),
]  # fmt: skip


@pytest.mark.parametrize(('argv', 'line'), BAD)
def test_a_bad_command_is_answered_by_one_line(argv, line):
    with pytest.raises(UsageError) as error:
        command_line.parse(argv)
    assert str(error.value) == line or line is None
    assert '\n' not in str(error.value)


CHECK = """
import sys
from posbench.knobs import command_line
from posbench.runs import workdir
try:
    command_line.parse(sys.argv[1:])
except command_line.UsageError as error:
    print(error, file=sys.stderr)
    heavy = {'jax', 'jaxlib', 'flax', 'numpy', 'tensorflow', 'tensorflow_datasets', 'matplotlib'} & set(sys.modules)
    sys.exit(f'imported {heavy}' if heavy else 2)
"""


@pytest.mark.parametrize(
    'argv',
    [['--config=configs/rope.py', '--config.encoding.thta=3'], ['--config=configs/rope.py', '--config.seeds=\udcff']],
)
def test_a_typo_is_answered_without_jax(argv):
    done = subprocess.run([sys.executable, '-c', CHECK, *argv], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count('\n')) == (2, '', 1), done.stderr


@pytest.mark.parametrize(
    ('flags', 'name'),
    [
        ((), 'rope'),
        (('encoding.name=rotary',), 'rope'),
        (('train.steps=200',), 'rope'),
        (('encoding.name=alibi', 'train.steps=200'), 'rope with encoding alibi'),
        (('encoding.theta=5e5',), 'rope with encoding.theta=500000.0'),
        (('encoding.name=alibi', 'positions.name=shifted'), 'rope with encoding alibi, positions shifted'),
        (('second_phase.encoding.name=none',), 'rope with second_phase.encoding none'),
    ],
)
def test_a_run_is_called_after_what_was_trained(flags, name):
    request = command_line.parse(['--config=configs/rope.py', *(f'--config.{flag}' for flag in flags)])
    assert (request.config_name, request.workdir) == (name, pathlib.Path('runs/rope'))


def test_flags_of_a_sweep_are_numbers_and_a_full_one_has_a_folder_of_its_own():
    study = '--experiment=experiments/length_curves.py'
    request = command_line.parse([study])
    assert (request.jobs, request.retries, request.timeout, request.scale) == (None, 2, None, None)
    request = command_line.parse([study, '--jobs=4', '--retries=0', '--timeout=1.5', '--scale=full'])
    assert (request.jobs, request.retries, request.timeout, request.scale) == (4, 0, 1.5, 'full')
    assert request.workdir == pathlib.Path('runs/length_curves-full')
    for flag, line in (
        ('--jobs=0', '--jobs: got 0, wanted an integer from 1 to 1024'),
        ('--timeout=0', '--timeout: got 0, wanted a finite number above 0'),
        ('--scale=maxi', "--scale: got 'maxi', wanted one of 'mini', 'full'"),
    ):
        with pytest.raises(UsageError) as error:
            command_line.parse([study, flag])
        assert str(error.value) == line
    with pytest.raises(UsageError, match='--jobs: it goes with --experiment or --submit, not with --config'):
        command_line.parse([f'--config={ROPE}', '--jobs=2'])
