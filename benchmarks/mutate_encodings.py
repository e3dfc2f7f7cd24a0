"""Breaks every encoding in its source, in three ways, and asks the oracles whether they notice.

    python -m benchmarks.mutate_encodings [--most=3] [--jobs=2] [--tier=all] [--write] [ENCODING ...]

A wrong sign (+ for -, a minus dropped), an off-by-one distance (a position, distance or index that is one too high, a
running sum that is one token late), and a dropped scale (one side of a product, quotient or power). A mutant is one
changed place in the file of an encoding, or, where this file has none of a kind, in another file of the package, in a
line that the encoding runs; up to `--most` places of each kind, spread over all there are. It is caught when a number
of tests/encodings/test_oracles.py is above its tolerance. One that raises an error would fail the tests as well, but is
no wrong number: it is counted by itself, and another place is taken. What survives is shown to the encodings that
inherit from the changed file, and at last to the tests of the encoding: those with numbers of their own, of it and of
the changed file, and the contract, where the default tier (tests/tiers.py) asks it of this encoding. In another file it
does not count if the encoding never computes it. The same machinery runs over each file unchanged first, and then
nothing may be noticed. `--write` puts the table into benchmarks/mutate_encodings.md.

Oracles are asked of every encoding in both tiers, in the default one over 48 tokens of its first setting alone.
`--tier=all` asks what survived the default tier once more as `pytest --all` does, every setting and the contract of
every encoding; as that runs all that the default tier does, the two catch the same exactly if it catches none of these.
The last line and the table compare.

No places are (benchmarks/mutants.py, mistakes.py): annotations, messages and checks of options; initial values and
shapes of parameters, which the comparison draws by itself; what only a shape is taken from, and sizes of arrays; guards
below 1e-5, bit masks, the counter of a loop; the origin of a block, which cancels; one more at the positions of queries
and of keys alike, where the encoding claims that it changes nothing, which the contract suite tests.

Exit code 0 if all mutants are caught under the default tier.
"""

import argparse
import ast
import collections
import concurrent.futures
import contextlib
import functools
import multiprocessing
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import numpy as np

import tests.conftest  # noqa: F401 (compiles cheaply)
from benchmarks import mistakes, mutants
from posbench import encodings
from tests import tiers
from tests.encodings import contract, oracles, test_oracles

ROOT, TABLE = pathlib.Path(__file__).parents[1], pathlib.Path(__file__).with_suffix('.md')
CONTRACT = 'tests/encodings/test_contract.py'
# Seconds for the verdict on one mutant, before it counts as one that does not run.
PATIENCE = 300
# Outcomes that say something about the tests.
JUDGED = ('caught', 'caught with --all', 'survived')
COMPARISONS = [
    (test_oracles.logit_errors, 12),
    (test_oracles.layer_errors, 12),
    (test_oracles.logit_errors, 48),
    (test_oracles.layer_errors, 48),
    (test_oracles.gradient_errors, 12),
    (test_oracles.gradient_errors, 48),
]


class Verdict(NamedTuple):
    kind: str
    # caught | caught with --all | survived | error | unused
    outcome: str
    place: str
    text: str


class Noticed(Exception):
    """The first number that is off is enough."""


class Unsound(Exception):
    """Tests that fail before anything was changed tell nothing."""


class Remembered:
    """The oracle's answers, which no mutant changes: each is computed once."""

    def __init__(self, function: Callable):
        self.function, self.answers, self.setting = function, {}, 0

    def __call__(self, encoding, params, *arrays):
        leaves = [np.asarray(leaf) for leaf in (*jax.tree.leaves(params), *arrays)]
        key = (self.setting, *((leaf.shape, leaf.tobytes()) for leaf in leaves))
        if key not in self.answers:
            self.answers[key] = self.function(encoding, params, *arrays)
        return self.answers[key]


class Judge:
    """Holds encodings to their oracles, as the tests do."""

    def __init__(self):
        self.oracle = []
        for wanted in ('wanted_layer', 'wanted_logits', 'wanted_embedding'):
            function = getattr(test_oracles, wanted)
            self.oracle.append(Remembered(getattr(function, 'function', function)))
            setattr(test_oracles, wanted, self.oracle[-1])

    def notices(self, name: str, everything: bool = False) -> str | None:
        """The comparison that fails first, or None; by default of the default tier. Raises what the encoding raises."""
        # These are known by the function, whatever the code that it calls has become.
        for program in (test_oracles.logits, test_oracles.layer, test_oracles.layer_and_gradient):
            program.clear_cache()
        for compare, length in COMPARISONS:
            for options in test_oracles.settings(name, length, everything):
                for oracle in self.oracle:
                    oracle.setting = (name, str(options))
                try:
                    errors = compare(name, options, length)
                except Noticed:
                    return compare.__name__
                if any(not error <= test_oracles.TOLERANCE for error in errors.values()):
                    return compare.__name__
        return None


def stop_at_the_first(error: Callable) -> Callable:
    def stopping(got, wanted):
        found = error(got, wanted)
        if not found <= test_oracles.TOLERANCE:
            raise Noticed
        return found

    return stopping


def verdicts(name: str, most: int, tier: str) -> list[Verdict]:
    """One for each mutant that was made of an encoding. RuntimeError if something is noticed before."""
    judge, own = Judge(), f'{mutants.PACKAGE}.{name}'
    with mutants.changed(own, mutants.tree_of(own)), lines_run() as lines:
        noticed = judge.notices(name, everything=True)
    if noticed:
        raise RuntimeError(f'{name}: {noticed} is above the tolerance before anything was changed')
    invariant = all(encodings.build(name, **options).shift_invariant for options in oracles.settings(name))
    found = []
    for kind in mistakes.KINDS:
        judged = 0
        for group in mutants.of(name, kind, lines, invariant):
            # Other files only where the file before has no place of this kind.
            for mutant in group if not judged else ():
                outcome = _outcome(judge, name, mutant, tier)
                found.append(Verdict(kind, outcome, f'{_short(mutant.module)}.py:{mutant.line}', mutant.text))
                judged += outcome in JUDGED
                if judged == most:
                    break
    jax.clear_caches()
    return found


@contextlib.contextmanager
def lines_run() -> Iterator[set[tuple[str, int]]]:
    """(module, line) of all lines of encodings that are run meanwhile."""
    folder, lines = str(encodings.FOLDER), set()

    def line(frame, event, _):
        lines.add((frame.f_globals['__name__'], frame.f_lineno))
        return line

    def call(frame, event, _):
        return line if frame.f_code.co_filename.startswith(folder) else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        yield lines
    finally:
        sys.settrace(before)


def _outcome(judge: Judge, name: str, mutant: mutants.Mutant, tier: str) -> str:
    own = mutant.module == f'{mutants.PACKAGE}.{name}'
    heirs = [
        heir for heir in map(_short, mutants.built_on(mutant.module)) if heir != name and heir in encodings.names()
    ]
    signal.alarm(PATIENCE)
    try:
        with mutants.changed(mutant.module, mutant.tree):
            if judge.notices(name):
                return 'caught'
        if not own and not _is_used(judge, name, mutant):
            return 'unused'
        with mutants.changed(mutant.module, mutant.tree):
            if any(judge.notices(heir) for heir in heirs):
                return 'caught'
        if fails(name, mutant):
            return 'caught'
        if tier != 'all':
            return 'survived'
        with mutants.changed(mutant.module, mutant.tree):
            noticed = any(judge.notices(one, everything=True) for one in (name, *heirs))
        return 'caught with --all' if noticed or fails(name, mutant, everything=True) else 'survived'
    except Unsound:
        raise
    except Exception:
        return 'error'
    finally:
        signal.alarm(0)


def _is_used(judge: Judge, name: str, mutant: mutants.Mutant) -> bool:
    try:
        with mutants.changed(mutant.module, mutant.probe):
            judge.notices(name)
    except ZeroDivisionError:
        return True
    return False


def fails(name: str, mutant: mutants.Mutant, everything: bool = False) -> bool:
    """Whether a test of the encoding fails, in a copy of the project that has the mistake."""
    signal.alarm(0)
    asked = [
        str(file.relative_to(ROOT))
        for file in sorted((ROOT / 'tests' / 'encodings').glob('test_*.py'))
        if f"'{name}'" in file.read_text('utf-8') or file.stem == f'test_{_short(mutant.module)}'
    ]
    if name in (encodings.names() if everything else tiers.encodings_of_all_kinds()):
        asked += [f'{CONTRACT}::test_the_encoding[{name}-{check.__name__}]' for check in contract.CHECKS]
    # Without any, pytest would run all that it finds.
    if not asked:
        return False
    arguments = (*asked, *(['--all'] if everything else []))
    _pass_unchanged(arguments)
    # 1: tests were run, and some failed.
    return _exit_code(arguments, mutant) == 1


@functools.cache
def _pass_unchanged(arguments: tuple[str, ...]) -> None:
    if _exit_code(arguments):
        raise Unsound(f'pytest {" ".join(arguments)} fails before anything was changed')


def _exit_code(arguments: tuple[str, ...], mutant: mutants.Mutant | None = None) -> int:
    """Of pytest with these arguments in a copy of the project, with the mistake if there is one."""
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)
        for part in ('posbench', 'tests', 'configs', 'benchmarks'):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns('__pycache__'))
        shutil.copy(ROOT / 'pyproject.toml', copy)
        if mutant is not None:
            (copy / mutant.module.replace('.', '/')).with_suffix('.py').write_text(ast.unparse(mutant.tree), 'utf-8')
        command = [sys.executable, '-m', 'pytest', '-x', '-q', '-n', '0', '-p', 'no:cacheprovider', *arguments]
        return subprocess.run(command, cwd=copy, capture_output=True, check=False, timeout=3 * PATIENCE).returncode


def _short(module: str) -> str:
    return module.rpartition('.')[2]


def _too_long(*_):
    raise TimeoutError


def prepare() -> None:
    """What a process needs before it judges."""
    test_oracles._error = stop_at_the_first(test_oracles._error)
    signal.signal(signal.SIGALRM, _too_long)


def judged(names: list[str], most: int, jobs: int, tier: str) -> Iterator[tuple[str, list[Verdict]]]:
    spawn = multiprocessing.get_context('spawn')
    with concurrent.futures.ProcessPoolExecutor(jobs, spawn, initializer=prepare) as pool:
        yield from zip(names, pool.map(verdicts, names, [most] * len(names), [tier] * len(names)))


def table(rows: dict[str, list[Verdict]], most: int, tier: str) -> str:
    """Markdown: what was caught of each kind, an encoding a line."""
    lines = [
        '# Broken on purpose',
        '',
        f'`python -m benchmarks.mutate_encodings --most={most} --tier={tier} --write`: caught of judged mutants by the',
        'default tier of the tests, by kind; - where no place of a kind is. Places are spread over the file of the',
        'encoding, or, marked *, over other files that it runs, where its own has none. Those that raise an error are',
        'not judged; their number is in the last column.',
        '',
        f'| encoding | {" | ".join(mistakes.KINDS)} | error |',
        '|---|---|---|---|---|',
    ]
    for name, found in rows.items():
        cells = [_cell(name, [verdict for verdict in found if verdict.kind == kind]) for kind in mistakes.KINDS]
        lines.append(f'| {name} | {" | ".join(cells)} | {sum(verdict.outcome == "error" for verdict in found)} |')
    total = [verdict for found in rows.values() for verdict in found]
    cells = [_cell('', [verdict for verdict in total if verdict.kind == kind]).rstrip('*') for kind in mistakes.KINDS]
    lines.append(f'| all | {" | ".join(cells)} | {sum(verdict.outcome == "error" for verdict in total)} |')
    return '\n'.join([*lines, '', summary(total, tier)]) + '\n'


def summary(found: list[Verdict], tier: str) -> str:
    """One sentence: how many of the judged mutants each tier of the tests caught."""
    count = collections.Counter(verdict.outcome for verdict in found)
    number = sum(count[outcome] for outcome in JUDGED)
    text = f'{count["caught"]} of {number} mutants were caught under the default tier'
    if tier == 'all':
        text += f', {count["caught"] + count["caught with --all"]} under --all'
    return f'{text}; {count["error"]} more raised an error.'


def _cell(name: str, found: list[Verdict]) -> str:
    count = collections.Counter(verdict.outcome for verdict in found)
    judged_of_kind = sum(count[outcome] for outcome in JUDGED)
    if not judged_of_kind:
        return '-'
    elsewhere = not any(verdict.place.startswith(f'{name}.py:') for verdict in found)
    return f'{count["caught"]}/{judged_of_kind}{"*" if elsewhere else ""}'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('encodings', nargs='*', help='default: all')
    parser.add_argument('--most', type=int, default=3, help='mutants of each kind')
    parser.add_argument('--jobs', type=int, default=1, help='processes')
    parser.add_argument(
        '--tier', choices=('default', 'all'), default='default', help='all: ask what survives under --all, and compare'
    )
    parser.add_argument('--write', action='store_true', help=f'writes benchmarks/{TABLE.name}, of all encodings')
    parser.add_argument('--verbose', action='store_true', help='prints every mutant')
    flags = parser.parse_args()
    if flags.write and flags.encodings:
        parser.error('--write: got some encodings, wanted all of them')
    rows = {}
    for name, found in judged(flags.encodings or encodings.names(), flags.most, flags.jobs, flags.tier):
        rows[name] = found
        count = collections.Counter(verdict.outcome for verdict in found)
        print(f'{name:20} caught {count["caught"]} of {sum(count[outcome] for outcome in JUDGED)}', flush=True)
        for verdict in found:
            if flags.verbose or verdict.outcome in ('caught with --all', 'survived'):
                print(f'    {verdict.outcome}: {verdict.kind} at {verdict.place}: {verdict.text}', flush=True)
    total = [verdict for found in rows.values() for verdict in found]
    print(summary(total, flags.tier))
    if flags.write:
        TABLE.write_text(table(rows, flags.most, flags.tier), 'utf-8')
    return 0 if any(verdict.outcome == 'caught' for verdict in total) and not _missed(total) else 1


def _missed(found: list[Verdict]) -> list[Verdict]:
    return [verdict for verdict in found if verdict.outcome in JUDGED and verdict.outcome != 'caught']


if __name__ == '__main__':
    sys.exit(main())
