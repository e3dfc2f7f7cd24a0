"""The command line: argv -> a Request whose every value was checked. Nothing here imports jax."""

import dataclasses
import os
import pathlib
import re
import shlex
from typing import Any

from ml_collections import ConfigDict

from posbench.knobs import forms, schema
from posbench.knobs.kinds import Bool, Choice, Float, Int, Knob, NotAllowed, Path, Range, Text, UsageError, nearest

USAGE = """\
python launch.py --config=configs/rope.py [--config.path.to.knob=value ...] [--workdir=DIR]    one run
python launch.py --experiment=experiments/NAME.py [--jobs=N] [--shard=I/N] [--dry_run]         a study
python launch.py --experiment=experiments/NAME.py --config.train.steps=40                      a small trial of it
python launch.py --config=FILE --mode=compile [--topology=v5e:16x16]                           does it fit there?
python launch.py --report=DIR [--readme=FILE]                                                  a report from rows
python launch.py --atlas [--config=FILE] [--workdir=DIR]                                       every encoding, drawn
python launch.py --submit=path/to/mine.py [--jobs=N]                       your encoding beside all others: a verdict

The same command again resumes a run. What a knob means stands in configs/default.py, and in configs/word_vectors.py
for the word vectors of configs/skipgram.py and its like.
The folder of a run is enough for a mode: python launch.py --workdir=runs/rope --mode=evaluate|generate|params
A run that reads texts answers them: python launch.py --workdir=runs/classify --mode=predict --input=FILE
Exit code: 0 success, 1 a run failed, 2 a bad flag, config or folder, 130 and 143 stopped by Ctrl-C and SIGTERM.
"""


@dataclasses.dataclass(frozen=True)
class Shard(Knob):
    """I/N: part I of N parts, counted from 0."""

    wanted = 'I/N with I from 0 to N - 1'

    def check(self, value: Any) -> tuple[int, int]:
        match = re.fullmatch(r'([0-9]{1,6})/([0-9]{1,6})', value)
        if not match or int(match[1]) >= int(match[2]):
            raise NotAllowed(value, self.wanted)
        return int(match[1]), int(match[2])


@dataclasses.dataclass(frozen=True)
class Flag:
    knob: Knob
    # Which of JOBS it belongs to.
    goes_with: tuple[str, ...]
    help: str
    metavar: str


JOBS = ('config', 'experiment', 'report', 'atlas', 'submit')
# Those that run several runs.
STUDIES = ('experiment', 'submit')
RESUME = ('auto', 'must', 'never', 'anyway')
MODES = tuple(dict.fromkeys(mode for form in forms.FORMS for mode in form.modes))
# Those that read texts which are given to the command.
READ_TEXTS = ('predict', 'embed')
# What a file of vectors may be.
VECTORS = ('.npy', '.safetensors', '.tsv')
OF = ('sentences', 'words')
# What calls the runs of a study: posbench/runs/executors, one a file.
EXECUTORS = ('local', 'slurm', 'ray')
# Of a study that has a version for a laptop, the default, and one of the size of the paper's.
SCALES = ('mini', 'full')

# What a run is called after, besides its config: choices, and where one wants to see them, their options.
OPTIONS_COUNT = ('encoding', 'positions', 'vectors')
COMPARED = (*OPTIONS_COUNT, 'second_phase.encoding', 'task', 'input', 'model', 'head')

FLAGS = {
    'config': Flag(
        Path(),
        ('config', 'atlas'),
        'a run: a .py file with get_config(), or the config.json of a run; by default that of --workdir',
        'FILE',
    ),
    'experiment': Flag(Path(), ('experiment',), 'a study: a .py file with runs()', 'FILE'),
    'report': Flag(Path(), ('report',), 'rebuild the report of a folder from its rows', 'DIR'),
    'atlas': Flag(Bool(), ('atlas',), 'draw every encoding there is, and that of --config, on one page', ''),
    'submit': Flag(Path(), ('submit',), 'an Encoding in a file: the contract, the mini benchmark, a verdict', 'FILE'),
    'workdir': Flag(
        Path(),
        ('config', 'experiment', 'atlas', 'submit'),
        'where results go; by default runs/<name of the file>, with -full or -trial, or where a config.json lies',
        'DIR',
    ),
    'mode': Flag(
        Choice(MODES), ('config', 'experiment'), 'by default train, which reports too; of a study only compile', 'MODE'
    ),
    'topology': Flag(
        Text(), ('config', 'experiment'), 'what --mode=compile is for: v5e:16x16, say; by default what is here', 'NAME'
    ),
    'profile': Flag(Int(Range(min=1)), ('config',), 'trace N steps, in whole calls, for TensorBoard and Perfetto', 'N'),
    'input': Flag(Path(), ('config',), 'texts, one a line, for predict and embed; by default standard input', 'FILE'),
    'output': Flag(Path(), ('config',), 'where --mode=embed writes; by default it prints', 'FILE.npy|safetensors|tsv'),
    'of': Flag(Choice(OF), ('config',), 'whose vectors embed gives: of lines, by default, or words', '|'.join(OF)),
    'resume': Flag(Choice(RESUME), ('config',), 'continue a run that is there', '|'.join(RESUME)),
    'readme': Flag(Path(), ('report',), 'a file whose answer table the report writes', 'FILE'),
    'executor': Flag(Choice(EXECUTORS), STUDIES, 'what calls the runs; by default processes here', '|'.join(EXECUTORS)),
    'shard': Flag(Shard(), ('experiment',), 'only the runs of part I of N, counted from 0', 'I/N'),
    'only': Flag(Text(), ('experiment',), 'only the runs whose name fits the pattern', 'PATTERN'),
    'dry_run': Flag(Bool(), ('experiment',), 'list the runs, and with --scale what they cost; run nothing', ''),
    'scale': Flag(Choice(SCALES), ('experiment',), 'how large a study is that has two scales', '|'.join(SCALES)),
    'jobs': Flag(Int(Range(min=1, max=1024)), STUDIES, 'runs at a time; by default 1, or all of a cluster', 'N'),
    'retries': Flag(Int(Range(min=0, max=99)), STUDIES, 'how often a killed run goes on; by default 2', 'N'),
    'timeout': Flag(Float(Range(above=0)), STUDIES, 'what a run may take before it is stopped, and goes on', 'SECONDS'),
    'devices': Flag(Int(Range(min=1, max=1024)), ('config', *STUDIES), 'virtual CPU devices', 'N'),
    'quiet': Flag(Bool(), JOBS, 'print results and errors only', ''),
    'help': Flag(Bool(), JOBS, 'print this', ''),
}


@dataclasses.dataclass(frozen=True)
class Request:
    """One command: exactly one of JOBS, unless `help` is asked for.

    With `atlas` there may be a config, whose encoding is drawn too.
    """

    config: ConfigDict | None = None  # Resolved and locked.
    config_path: pathlib.Path | None = None
    # The run's name: of the file, or of the folder that a config.json lies in, and what overrides made of it.
    config_name: str | None = None
    experiment: pathlib.Path | None = None
    overrides: dict[str, str] = dataclasses.field(default_factory=dict)  # Of every run of an experiment: a trial of it.
    report: pathlib.Path | None = None
    atlas: bool = False
    submit: pathlib.Path | None = None
    workdir: pathlib.Path | None = None  # None for a report, which has its folder already.
    mode: str = 'train'
    topology: str | None = None  # None: the devices of this machine.
    profile: int | None = None  # Steps to trace.
    resume: str = 'auto'
    input: pathlib.Path | None = None  # None: standard input.
    output: pathlib.Path | None = None
    of: str = 'sentences'
    readme: pathlib.Path | None = None
    executor: str = 'local'
    executor_options: dict[str, str] = dataclasses.field(default_factory=dict)  # Of --executor.NAME, not yet checked.
    shard: tuple[int, int] = (0, 1)  # Part I of N, I from 0.
    only: str | None = None
    scale: str | None = None
    jobs: int | None = None  # None: one, or as many as a cluster takes.
    retries: int = 2  # Of a run that was killed.
    timeout: float | None = None  # Seconds of a run.
    dry_run: bool = False
    devices: int | None = None
    quiet: bool = False
    help: bool = False
    command: str = dataclasses.field(default='', compare=False)  # As it was typed, for the record.


def parse(argv: list[str], *, package: pathlib.Path = schema.PACKAGE) -> Request:
    """The request that `argv`, without the program's name, stands for. The last of two equal flags counts.

    Raises UsageError, always one line.
    """
    texts, overrides, options = _split(argv)
    values = {name: _value(name, text) for name, text in texts.items()}
    if values.get('help'):
        return Request(help=True)
    if 'workdir' in values and not any(values.get(job) for job in JOBS):
        values['config'] = _config_of(_path(values['workdir']))
    job = _job(values, overrides, options)
    # A shell leaves the ~ of --workdir=~/runs alone.
    values |= {name: _path(value) for name, value in values.items() if FLAGS[name].knob == Path()}
    if job == 'atlas' and 'config' not in values:
        values.setdefault('workdir', pathlib.Path('runs', 'atlas'))
        return Request(**values)
    path = values['config' if job == 'atlas' else job]
    if job == 'report':
        _must_exist('report', path, os.path.isdir, 'a folder')
        if 'readme' in values:
            _must_exist('readme', values['readme'], os.path.isfile, 'a file')
        return Request(**values)
    _must_exist('config' if job == 'atlas' else job, path, os.path.isfile, 'a file')
    _check_mode(values)
    _check_texts(values)
    of_a_run = path.name == 'config.json'
    name = path.resolve().parent.name if of_a_run else path.stem
    full, trial = '-full' * (values.get('scale') == 'full'), '-trial' * bool(job == 'experiment' and overrides)
    called = f'submit-{name}' if job == 'submit' else f'{name}{full}{trial}'
    folder = path.parent if of_a_run else pathlib.Path('runs', called)
    values.setdefault('workdir', pathlib.Path('runs', 'atlas') if job == 'atlas' else folder)
    if job == 'submit':
        if path.suffix != '.py' or not path.stem.isidentifier():
            raise UsageError(f'--submit: got {str(path)!r}, wanted a .py file called as its encoding, like recency.py')
        return Request(**values, executor_options=options)
    if job == 'experiment':
        if path.suffix != '.py':
            raise UsageError(f'--experiment: got {str(path)!r}, wanted a .py file with runs()')
        return Request(**values, overrides=overrides, executor_options=options)
    values['config'] = schema.load(path, overrides, package=package)
    form, mode = forms.of(values['config']), values.get('mode', 'train')
    if job == 'atlas' and form is not forms.MODEL:
        raise UsageError(f'--atlas: got {str(path)!r}, the config of {form.what}, wanted one with an encoding')
    if mode not in form.modes:
        raise UsageError(f'--mode: got {mode!r}, wanted one of {", ".join(form.modes)} for {form.what}')
    command = 'python launch.py ' + shlex.join(argv)
    if overrides:
        name = ' '.join([name, *_with(values['config'], schema.load(path, package=package))])
    return Request(**values, config_path=path, config_name=name, command=command)


def _with(config: ConfigDict, plain: ConfigDict) -> list[str]:
    """'with encoding alibi': what is compared and is not what the file says, so that its name alone would be wrong."""
    here, there = ({group: _choice(one, group) for group in COMPARED} for one in (config, plain))
    different = [group for group in COMPARED if here[group] != there[group]]
    found = []
    for group in different:
        (name, options), (before, others) = here[group], there[group]
        if name != before:
            found.append(f'{group} {name}')
        else:
            found += [f'{group}.{key}={value}' for key, value in options.items() if others.get(key) != value]
    return ['with', ', '.join(found)] if found else []


def _choice(config: ConfigDict, group: str) -> tuple[str | None, dict]:
    """The name that a group chose, and of what is compared its options."""
    for part in group.split('.'):
        # A run of word vectors has no encoding.
        config = config[part] if config is not None and part in config else None
    chosen = {} if config is None else config.to_dict()
    return chosen.get('name'), chosen if group in OPTIONS_COUNT else {}


def help_text() -> str:
    """What --help prints."""
    lines = [(f'--{name}={flag.metavar}' if flag.metavar else f'--{name}', flag.help) for name, flag in FLAGS.items()]
    lines.insert(list(FLAGS).index('executor') + 1, ('--executor.NAME=VALUE', 'an option of it; a wrong one lists all'))
    lines.insert(1, ('--config.KNOB=VALUE', 'sets a knob, for instance --config.train.steps=500'))
    width = max(len(left) for left, _ in lines)
    return USAGE + '\n' + ''.join(f'  {left:{width}}  {right}\n' for left, right in lines)


def _split(argv: list[str]) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Texts of flags, of config overrides without their leading 'config.', and of options without 'executor.'."""
    texts, overrides, options = {}, {}, {}
    rest = ['--help' if argument == '-h' else argument for argument in argv]
    while rest:
        argument = rest.pop(0)
        if not argument.startswith('--'):
            hint = f'; did you mean --config={argument}?' if argument.endswith(('.py', '.json')) else ''
            raise UsageError(f'got {argument!r}, wanted a flag, which starts with --{hint}')
        name, equals, text = argument[2:].partition('=')
        room, dot, rest_of_name = name.partition('.')
        into = {'config.': overrides, 'executor.': options}.get(room + dot, texts)
        if into is texts and name not in FLAGS:
            near = nearest(name, FLAGS)
            hint = f'; did you mean --{near}?' if near else '.'
            raise UsageError(f'--{name}: there is no such flag{hint} Flags: {", ".join(FLAGS)}')
        if not equals:
            if into is texts and FLAGS[name].knob == Bool():
                text = 'true'
            elif rest and not rest[0].startswith('--'):
                text = rest.pop(0)
            else:
                raise UsageError(f'{"" if into is overrides else "--"}{name}: it needs a value, as in --{name}=VALUE')
        into[name if into is texts else rest_of_name] = text
    return texts, overrides, options


def _value(name: str, text: str) -> Any:
    try:
        return FLAGS[name].knob.parse(text)
    except NotAllowed as error:
        raise UsageError(f'--{name}: {error}') from None


def _job(values: dict, overrides: dict, options: dict) -> str:
    """Which of the jobs is asked for, and that every other flag belongs to it."""
    if not values.get('atlas'):
        values.pop('atlas', None)
    jobs = [job for job in JOBS if job in values]
    if len(jobs) != 1 and sorted(jobs) != ['atlas', 'config']:
        got = ' and '.join(f'--{job}' for job in jobs) or 'none of them'
        raise UsageError(f'got {got}, wanted exactly one of --{", --".join(JOBS)}; see --help')
    job = jobs[-1]
    for name in values:
        if job not in FLAGS[name].goes_with:
            wanted = ' or '.join(f'--{other}' for other in FLAGS[name].goes_with)
            raise UsageError(f'--{name}: it goes with {wanted}, not with --{job}')
    if options and job not in STUDIES:
        wanted = ' or '.join(f'--{other}' for other in STUDIES)
        raise UsageError(f'--executor.{next(iter(options))}: it goes with {wanted}, not with --{job}')
    if overrides and 'config' not in values and job != 'experiment':
        raise UsageError(f'config.{next(iter(overrides))}: a knob goes with --config or --experiment, not with --{job}')
    return job


def _check_mode(values: dict) -> None:
    """That a study has no other mode than compile, and that flags of a mode go with it."""
    mode = values.get('mode', 'train')
    if 'experiment' in values and 'mode' in values and mode != 'compile':
        raise UsageError(f'--mode: got {mode!r}, wanted compile, or no --mode, with --experiment')
    for name, wanted in (('topology', 'compile'), ('profile', 'train')):
        if name in values and mode != wanted:
            raise UsageError(f'--{name}: it goes with --mode={wanted}, not with --mode={mode}')


def _check_texts(values: dict) -> None:
    """That flags of modes which read texts go with them, and that their files can be what they are for."""
    mode = values.get('mode', 'train')
    for name, modes in (('input', READ_TEXTS), ('output', READ_TEXTS[1:]), ('of', READ_TEXTS[1:])):
        if name in values and mode not in modes:
            wanted = ' or '.join(f'--mode={one}' for one in modes)
            raise UsageError(f'--{name}: it goes with {wanted}, not with --mode={mode}')
    if 'input' in values:
        _must_exist('input', values['input'], os.path.isfile, 'a file')
    output = values.get('output')
    if output is not None and output.suffix not in VECTORS:
        raise UsageError(f'--output: got {str(output)!r}, wanted a file {", ".join(VECTORS[:-1])} or {VECTORS[-1]}')
    if output is not None and not os.path.isdir(output.parent):
        raise UsageError(f'--output: got {str(output)!r}, whose folder is not there')


def _config_of(folder: pathlib.Path) -> str:
    """The config of the run in a folder."""
    path = folder / 'config.json'
    if not path.is_file():
        raise UsageError(
            f'--workdir: got {str(folder)!r}, in which there is no config.json of a run; wanted the folder of a run, '
            'or --config=FILE as well'
        )
    return str(path)


def _path(text: str) -> pathlib.Path:
    return pathlib.Path(os.path.expanduser(text))


def _must_exist(name: str, path: pathlib.Path, exists: Any, what: str) -> None:
    if not exists(path):
        siblings = [str(path.parent / entry) for entry in _listing(path.parent) if entry != path.name]
        near = nearest(str(path), siblings, cutoff=0.75)
        raise UsageError(
            f'--{name}: got {str(path)!r}, which is not {what}' + (f'; did you mean {near!r}?' if near else '')
        )


def _listing(folder: pathlib.Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
