"""Draws random configs and command lines and checks that each is refused in one line or a run that can begin.

    python -m benchmarks.fuzz_configs --trials=10000 --seed=0 --jobs=2                    # an hour on two cores
    python -m benchmarks.fuzz_configs --trials=10000 --seed=0 --jobs=2 --build_every=5    # ten minutes

Wanted of each: a UsageError (exit code 2) of exactly one line, or a valid config, whose models then initialise under
`jax.eval_shape`, or are refused by a ValueError of one line (exit code 2 as well). Texts, the most of what takes time
and memory in a run, are in the place of random ones; whatever else a config asks for is built as for a run. A trial has
SECONDS, and MEMORY more than what an idle process has. Prints a markdown table of kinds and outcomes, and below it what
misbehaved, with the trial's number: `--only=17` runs that one alone. Exit code 0 if all behave, else 1.
"""

import argparse
import collections
import contextlib
import functools
import io
import json
import multiprocessing
import pathlib
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from typing import NamedTuple
from unittest import mock

from posbench.devices import host
from posbench.knobs import UsageError, command_line, declared, forms, schema, user_file
from posbench.runs import console

ROOT = pathlib.Path(__file__).parents[1]
CONFIGS = sorted(path for path in (ROOT / 'configs').rglob('*.py') if path.stem != '__init__')
SECONDS, MEMORY = 60.0, 4 * 2**30
OUTCOMES = ('refused', 'valid, not built', 'refused when built', 'initialises', 'misbehaves')

NUMBERS = (
    '0', '1', '-1', '2', '3', '7', '257', '65536', '2147483520', '2147483647', '2147483648',
    '-2147483648', '9223372036854775808', '1e400', '-1e400', '1e-400', '1e38', '1e-38', 'nan', 'inf',
    '-inf', '0.5', '1.5', '-0.0', '1_000', '0x10', '1e3', '9' * 5000, '٣', '½', '1,', '1;2', '+1', ' 1 ',
)  # fmt: skip
WORDS = (
    '', ' ', '\t', '\n', 'a' * 100_000, 'None', 'none', 'null', 'True', 'FALSE', 'yes', '()', '(,)', '0,1', '1,1',
    '((1))', '[1', '{}', '*', '?', '[', '**', '~', '/', '.', '..', '/dev/null', '/proc/self/mem', 'é', '字',
    '\u202eabc', '👩‍👩‍👧', 'e\u0301', '\0', 'a\0b', '\udcff', '\ud800', '\ufeff', '\x1b[31m', '\u2028', '%s', '$HOME',
    '`id`', '--config', '-', '=',
)  # fmt: skip
OBJECTS = (
    'None', 'True', '0', '-1', '2**31', '2**63', '10**400', '1e400', "float('nan')", '0.5', '1j', '()', '(1, 2)',
    '[3, 1]', '{}', "{'a': 1}", "{'name': 'rotary'}", "b'x'", 'object()', '{1, 2}', 'int', 'lambda: 1', "'x'", "''",
    "'\\0'", '__import__("pathlib").Path("x")', '__import__("numpy").int64(3)', '__import__("numpy").ones(3)',
    '[[[]]]',
)  # fmt: skip
HEAD = 'from posbench.encodings import base\n\nclass Encoding(base.PositionEncoding):\n'
MODULES = {
    'empty.py': '',
    'broken.py': 'import os\nvalue = 1 / 0\n',
    'syntax.py': 'class Encoding(\n',
    'nul.py': 'x = "\0"\n',
    'other.py': 'class Other: ...\n',
    'mine.py': HEAD + '    strength: float = 1.0\n',
    'untyped.py': HEAD + '    strength: object = 1\n',
    'raises.py': HEAD + '    def bias(self, pos_q_BL, pos_k_BM):\n        return 1 / 0\n',
    'latin.py': 'x = "é"\n',
}


class Trial(NamedTuple):
    """A kind, and the command line; {dir} stands for a folder of its own, in which these files are."""

    kind: str
    arguments: list[str]
    files: dict[str, bytes]


def draw(number: int, seed: int) -> Trial:
    """The trial of a number: the same whatever is run beside it."""
    rng = random.Random(f'{seed} {number}')
    kind = KINDS[number % len(KINDS)]
    base = rng.choice(CONFIGS)
    trial = kind(rng, base)
    arguments, files = (trial, {}) if isinstance(trial, list) else trial
    return Trial(kind.__name__.replace('_', ' '), arguments, files)


@functools.cache
def knobs(base: pathlib.Path) -> dict:
    """The resolved value of each knob of a config, by its path."""
    return _flat(schema.load(base).to_dict())


def _flat(tree: dict, group: str = '') -> dict:
    flat = {}
    for name, value in tree.items():
        flat |= _flat(value, f'{group}{name}.') if isinstance(value, dict) else {group + name: value}
    return flat


def _line(base: pathlib.Path, *pairs: tuple[str, str]) -> list[str]:
    small = ['--config.model.layers=2'] if 'model.layers' in knobs(base) else ['--config.vectors.width=8']
    return [f'--config={base}', *small, *(f'--config.{key}={value}' for key, value in pairs)]


def _key(rng: random.Random, base: pathlib.Path) -> str:
    return rng.choice([*knobs(base)])


def _typo(rng: random.Random, text: str) -> str:
    at = rng.randrange(len(text) + 1)
    letter = rng.choice('abcdexyz_.0 -é')
    return rng.choice([text[:at] + letter + text[at:], text[:at] + text[at + 1 :], text.upper(), text[::-1], text * 2])


def _text(value) -> str:
    return ','.join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def typos_of_names(rng, base):
    key = _key(rng, base)
    return _line(base, (_typo(rng, key), _text(knobs(base)[key])))


def typos_of_values(rng, base):
    key = _key(rng, base)
    return _line(base, (key, _typo(rng, _text(knobs(base)[key]))))


def values_of_other_knobs(rng, base):
    keys = [_key(rng, base) for _ in range(rng.randint(1, 3))]
    return _line(base, *((key, _text(knobs(base)[_key(rng, base)])) for key in keys))


def extremes(rng, base):
    return _line(base, *((_key(rng, base), rng.choice(NUMBERS)) for _ in range(rng.randint(1, 2))))


def odd_texts(rng, base):
    return _line(base, (_key(rng, base), rng.choice(WORDS)))


def small_changes(rng, base):
    """Mostly valid: a few numbers by a factor, switches turned, None."""
    pairs = []
    for _ in range(rng.randint(1, 4)):
        key = _key(rng, base)
        value = knobs(base)[key]
        if isinstance(value, bool):
            value = not value
        elif isinstance(value, int | float):
            value = type(value)(value * rng.choice([0.25, 0.5, 2, 3, 8]))
        elif isinstance(value, tuple):
            value = value[: rng.randint(0, len(value))] or value
        else:
            value = rng.choice([None, value])
        pairs.append((key, _text(value)))
    return _line(base, *pairs)


def groups_and_values(rng, base):
    key = _key(rng, base)
    group = key.rpartition('.')[0] or key
    return _line(base, (rng.choice([group, f'{key}.name', f'{key}.x', f'{group}.name', '', '.', f'.{key}', f'{key}.']),
                        rng.choice(['1', 'rotary', '{}', 'dict(name="rotary")', *WORDS[:6]])))  # fmt: skip


def other_names(rng, base):
    """Another encoding, task, map, body, head or trainer, by its name, and perhaps an option of it."""
    group = rng.choice(['encoding', 'encoding', 'encoding', 'second_phase.encoding', *schema.CHOSEN])
    if group == forms.VECTORS and rng.random() < 0.8:
        base = ROOT / forms.WORD_VECTORS.default
    room = group.rpartition('.')[2]
    name = rng.choice(declared.names(room))
    pairs = [(f'{group}.name', name)]
    options = list(declared.options(room, name).items())
    if options and rng.random() < 0.6:
        option, declaration = rng.choice(options)
        pairs.append((f'{group}.{option}', rng.choice([*NUMBERS, _text(declaration.default)])))
    return _line(base, *pairs)


def encodings_inside_encodings(rng, base):
    """Those that have others inside, some levels deep."""
    pairs = []

    def put(path, depth):
        inner = [name for name in declared.names('encoding') if _nests(name)]
        name = rng.choice(inner if depth else declared.names('encoding'))
        pairs.append((f'{path}.name', name))
        for option in _nests(name):
            put(f'{path}.{option}', max(depth - 1, 0) if rng.random() < 0.9 else 0)

    # A drawn name that has an encoding inside goes on by itself.
    with contextlib.suppress(RecursionError):
        put(rng.choice(['encoding', 'encoding', 'second_phase.encoding']), rng.randint(1, 3))
    return _line(base, *pairs)


@functools.cache
def _nests(name: str) -> tuple[str, ...]:
    from posbench.knobs.annotations import NESTED

    return tuple(key for key, option in declared.options('encoding', name).items() if option.knob is NESTED)


def modules(rng, base):
    group = rng.choice(['encoding', 'encoding', 'second_phase.encoding', 'task', 'positions', 'model', 'input', 'head'])
    module = rng.choice([*MODULES, 'none.py', '.', '', '\0', '\udcff.py', '字.py', '/dev/null', 'a' * 300 + '.py'])
    pairs = [(f'{group}.module', f'{{dir}}/{module}' if rng.random() < 0.8 else module)]
    if rng.random() < 0.5:
        pairs.append((f'{group}.name', rng.choice(['mine', 'rotary', 'None', '', 'a/b', '../x', '字', 'sequential'])))
    if rng.random() < 0.3:
        pairs.append((f'{group}.strength', rng.choice(NUMBERS)))
    files = {name: text.encode('latin-1' if name == 'latin.py' else 'utf-8') for name, text in MODULES.items()}
    return (_line(base, *pairs), files)


def configs_in_json(rng, base):
    config = schema.load(base).to_dict()
    text = json.dumps(config)
    match rng.randrange(9):
        case 0:
            data = b'\xef\xbb\xbf' + text.encode()
        case 1:
            data = text.encode(rng.choice(['utf-16', 'utf-32', 'utf-16-le']))
        case 2:
            data = rng.choice(['[]', 'null', '3', '"x"', '', '{}', '{"encoding": 3}', '[' * 99_999, 'NaN']).encode()
        case 3:
            data = text[: rng.randrange(len(text))].encode()
        case 4:
            group = rng.choice(list(config))
            data = (text[:-1] + f', "{group}": {json.dumps(rng.choice([None, 3, {}, [], "x"]))}}}').encode()
        case 5:
            at = rng.randrange(len(text))
            data = (text[:at] + rng.choice('"{}[],:x0\\\0é') + text[at + 1 :]).encode()
        case 6:
            group = rng.choice(list(config))
            config[group] = rng.choice(
                [None, 3, 'rotary', [], {}, {'name': 3}, {'name': None}, {'': 1}, [dict(config)]]
            )
            data = json.dumps(config).encode()
        case 7:
            config.pop(rng.choice(list(config)))
            data = json.dumps(config).encode()
        case _:
            key = rng.choice(list(_flat(config)))
            *groups, name = key.split('.')
            target = functools.reduce(lambda node, part: node[part], groups, config)
            target[name] = rng.choice([None, True, 0, -1, 2**31, 10**30, 0.5, float('inf'), '', 'x', [], [1], {}, [[]]])
            data = json.dumps(config).encode()
    return (['--config={dir}/config.json'], {'config.json': data})


def configs_in_python(rng, base):
    key = _key(rng, base)
    if base.parent.name == 'tasks':
        base = ROOT / 'configs/default.py'
        key = _key(rng, base)
    group, _, name = key.rpartition('.')
    change = rng.choice([f'config["{key.split(".")[0]}"]', f'config.{key}', f'config.{group or name}'])
    text = (
        f'from configs import {base.stem} as base\n\ndef get_config():\n    config = base.get_config().unlock()\n'
        f'    config = config.to_dict()\n    {_item(change)} = {rng.choice(OBJECTS)}\n    return config\n'
    )
    return (['--config={dir}/own.py'], {'own.py': text.encode()})


def _item(path: str) -> str:
    """config.a.b as items of dicts."""
    return path if '[' in path else 'config' + ''.join(f'[{part!r}]' for part in path.split('.')[1:])


def flags(rng, base):
    """Command lines with flags that are twice there, without values, of other jobs, or unknown."""
    pool = [
        f'--config={base}', f'--config={base}', '--config', str(base), '--config=', '--config=/nowhere.py',
        '--workdir=x', '--workdir', '--workdir=', '--workdir=\0', '--mode=trian', '--mode=params', '--resume=must',
        '--devices=0', '--devices=2', '--devices=1e9', '--quiet', '--quiet=maybe', '--dry_run', '--shard=1/2',
        '--shard=9/2', '--report=/nowhere', '--experiment=experiments/length_curves.py', '--only=x', '--atlas',
        '--help=x', '-x', '--', '---config=1', '--config.', '--config.=1', '--config..=1', '--config.train.steps',
        '--config.seeds=0,1,2', '字', '--\udcff=1', '--config.encoding.name', 'rotary', '--config=.',
        '--config=/dev/null', '--config=README.md',
    ]  # fmt: skip
    return [rng.choice(pool) for _ in range(rng.randint(0, 4))]


KINDS: tuple[Callable, ...] = (
    typos_of_names, typos_of_values, values_of_other_knobs, extremes, odd_texts, small_changes, groups_and_values,
    other_names, encodings_inside_encodings, modules, configs_in_json, configs_in_python, flags, extremes, other_names,
    small_changes,
)  # fmt: skip


def outcome(trial: Trial, is_built: bool = True) -> tuple[str, str]:
    """(one of OUTCOMES, what was said or what is wrong); what is not built stays at being a valid config."""
    with tempfile.TemporaryDirectory() as folder:
        for name, data in trial.files.items():
            (pathlib.Path(folder) / name).write_bytes(data)
        arguments = [argument.replace('{dir}', folder) for argument in trial.arguments]
        try:
            with _limited():
                try:
                    request = command_line.parse(arguments)
                except UsageError as error:
                    return _one_line('refused', str(error))
                if request.config is None or request.help or not is_built:
                    return 'valid, not built', ''
                try:
                    _initialise(request.config)
                except UsageError as error:
                    return _one_line('refused', str(error))
                except Exception as error:
                    # As the command does.
                    line = user_file.explain(error, user_file.modules(request.config.to_dict()))
                    if line is None:
                        raise
                    return _one_line('refused when built', line)
                return 'initialises', ''
        except BaseException as error:  # All that a user would see as a traceback, and what takes too long.
            if isinstance(error, KeyboardInterrupt):
                raise
            frames = [f for f in traceback.extract_tb(error.__traceback__) if 'posbench' in f.filename]
            place = f'{pathlib.Path(frames[-1].filename).name}:{frames[-1].lineno}' if frames else ''
            return 'misbehaves', f'{type(error).__name__} {place}: {str(error)[:300]}'


def _one_line(kind: str, message: str) -> tuple[str, str]:
    shown = io.StringIO()
    with contextlib.redirect_stderr(shown):
        console.fail(message, 2)
    lines = shown.getvalue().splitlines()
    return (kind, message[:300]) if len(lines) == 1 else ('misbehaves', f'{len(lines)} lines: {message[:300]!r}')


@functools.cache
def _texts():
    from tests import small_job

    return small_job


def _initialise(config) -> None:
    """Builds and checks the job of a config, with random tokens for its texts; what is known to be good is skipped."""
    from posbench import datasets
    from posbench.training import job
    from posbench.word_vectors import job as vectors_job
    from tests import small_vectors

    real = datasets.read

    def read(kind, **settings):
        texts = dict(text=_texts().text, words=small_vectors.text)
        return texts[kind]() if kind in texts else real(kind, **settings)

    with mock.patch.object(datasets, 'read', read):
        if forms.of(config) is forms.WORD_VECTORS:
            return vectors_job.from_config(config, 'fuzzed').check()
        one = job.from_config(config, 'fuzzed')
        plain = json.loads(config.to_json())
        for group in ('generate', 'experiment', 'distributed', 'debug_nans', 'dataset', 'evaluate', 'mesh'):
            plain.pop(group)
        for group, decides in (('train', ('length',)), ('optimizer', ('clip_norm',))):
            plain[group] = {name: plain[group][name] for name in decides}
        plain['seeds'] = len(plain['seeds'])
        key = json.dumps(plain, sort_keys=True)
        if key not in GOOD:
            one.check()
            GOOD.add(key)


GOOD: set[str] = set()


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    def late(*_):
        raise TimeoutError(f'more than {SECONDS:g} s')

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _prepare() -> None:
    """A worker's devices, before jax is imported, and its memory, after."""
    host.prepare(2)
    from posbench.training import job

    job.jax.devices()
    used = int(pathlib.Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))


def _run(arguments: tuple[int, int, bool]) -> tuple[int, str, str, str]:
    number, seed, is_built = arguments
    trial = draw(number, seed)
    return number, trial.kind, *outcome(trial, is_built)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--trials', type=int, default=10_000)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--jobs', type=int, default=2)
    parser.add_argument('--build_every', type=int, default=1, help='of all trials, one in so many is built')
    parser.add_argument('--minutes', type=float, default=600, help='it ends after so many, and says what it has seen')
    parser.add_argument('--only', type=int, help='one trial, with what it is')
    options = parser.parse_args(argv)
    numbers = range(options.trials) if options.only is None else [options.only]
    if options.only is not None:
        print(draw(options.only, options.seed))
    counts, end = collections.Counter(), time.monotonic() + 60 * options.minutes
    with multiprocessing.get_context('spawn').Pool(options.jobs, _prepare, maxtasksperchild=40) as pool:
        # The kinds go round; a whole round is built, or none of it.
        rounds = ((number, number // len(KINDS)) for number in numbers)
        work = ((number, options.seed, turn % options.build_every == 0) for number, turn in rounds)
        # A worker is replaced after some of these: programs that jax has traced stay in its memory.
        for number, kind, what, said in pool.imap_unordered(_run, work, chunksize=25):
            counts[kind, what] += 1
            if what == 'misbehaves' or options.only is not None:
                print(f'{number} ({kind}): {said}', file=sys.stderr, flush=True)
            if time.monotonic() > end:
                break
    print(f'| kind | {" | ".join(OUTCOMES)} |\n| --- |{" ---: |" * len(OUTCOMES)}')
    for kind in dict.fromkeys(kind for kind, _ in counts):
        print(f'| {kind} | {" | ".join(str(counts[kind, what]) for what in OUTCOMES)} |')
    totals = [sum(count for (_, one), count in counts.items() if one == what) for what in OUTCOMES]
    print(f'| all | {" | ".join(map(str, totals))} |\n\n{sum(totals)} of {len(numbers)} trials')
    return 1 if totals[-1] or sum(totals) < len(numbers) else 0


if __name__ == '__main__':
    sys.exit(main())
