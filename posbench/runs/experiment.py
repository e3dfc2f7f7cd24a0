"""An experiment: a Python file of the user's, whose docstring states the question and the claims. It defines

    runs() -> list[Run]                 what to run; runs(scale), where there is a mini and a full version of it
    claims(rows) -> list[dict]          claim, verdict (PASS or FAIL) and evidence, from the rows of all runs

and the second one only where there is something to judge. A claim may also say which `runs` it is about, by their
names; it then stands beside them where published/ has numbers of theirs (report/published.py).
"""

import dataclasses
import inspect
import pathlib
import unicodedata
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from posbench.knobs import user_file
from posbench.knobs.command_line import SCALES
from posbench.knobs.kinds import UsageError, show

# What a name may not end with, because the study has files of that kind beside the folders of its runs.
SUFFIXES = ('.html', '.json', '.jsonl', '.md', '.png')
# What a report passes over, what it takes for something else, and what it writes.
RESERVED = ('checkpoints', 'tb', 'tables', 'published')
BASELINE = 'baseline:'


class Run(NamedTuple):
    """One run of a study: its name and folder, a config file (relative to the repository), knobs that differ from it.

    `{study}` in a knob stands for the folder of the study, so that a run may start from the weights of another one,
    `{study}/OTHER`, for which it then waits. `levels` says which level of each choice it has, where the study is a grid
    (grids.py): a report then says what each choice does.
    """

    name: str
    config: str
    overrides: dict[str, str]
    levels: Mapping[str, str] = MappingProxyType({})


@dataclasses.dataclass(frozen=True)
class Experiment:
    """What a file says; `question` is the first paragraph of its docstring, `judge` its claims() if it has one.

    `scale` is the one that its runs are of; None where it knows none.
    """

    path: pathlib.Path
    question: str
    runs: tuple[Run, ...]
    judge: Callable | None
    scale: str | None = None

    @property
    def title(self) -> str:
        """The name of the file, in words."""
        words = self.path.stem.replace('_', ' ')
        return words[:1].upper() + words[1:]

    def claims(self, rows: list) -> list[dict[str, str]]:
        """The verdicts on these rows. UsageError, one line, where claims() raises or gives something else."""
        with user_file.naming(self.path):
            found = [] if self.judge is None else self.judge(rows)
        where = f'{self.path}: claims()'
        if not isinstance(found, list | tuple):
            raise UsageError(f'{where} gave {show(found)}, wanted a list of dicts with claim, verdict and evidence')
        for one in found:
            fits = isinstance(one, dict) and set(one) - {'runs'} == {'claim', 'verdict', 'evidence'}
            about = one.get('runs', []) if fits else []
            texts = [value for name, value in one.items() if name != 'runs'] if fits else []
            if not fits or not isinstance(about, list) or not all(isinstance(text, str) for text in [*texts, *about]):
                raise UsageError(f'{where} gave {show(one)}, wanted a dict of texts: claim, verdict and evidence')
            if one['verdict'] not in ('PASS', 'FAIL'):
                raise UsageError(f'{where} gave the verdict {show(one["verdict"])}, wanted PASS or FAIL')
        return list(found)


def load(path: pathlib.Path, scale: str | None = None) -> Experiment:
    """Reads an experiment and checks what its runs() gives. UsageError, one line, says what is wrong with either.

    `scale` is one of SCALES, by default the first, and refused where runs() does not take it.
    """
    names = user_file.load(path)
    if not callable(names.get('runs')):
        raise UsageError(f'{path}: it has no runs(), which gives the runs of a study')
    if not callable(names.get('claims', len)):
        raise UsageError(f'{path}: claims is {show(names["claims"])}, wanted a function claims(rows)')
    with user_file.naming(path):
        takes_scale = 'scale' in inspect.signature(names['runs']).parameters
    if scale is not None and not takes_scale:
        raise UsageError(f'--scale={scale}: {path} has one scale only: its runs() takes none, wanted runs(scale)')
    scale = (scale or SCALES[0]) if takes_scale else None
    with user_file.naming(path):
        given = names['runs'](scale) if takes_scale else names['runs']()
    if not isinstance(given, list | tuple) or not given:
        raise UsageError(f'{path}: runs() gave {show(given)}, wanted a list of Run(name, config, overrides)')
    runs = tuple(_checked(path, number, one) for number, one in enumerate(given, start=1))
    _distinct(path, runs)
    paragraphs = [' '.join(text.split()) for text in (names.get('__doc__') or '').split('\n\n')]
    return Experiment(path, next(filter(None, paragraphs), ''), runs, names.get('claims'), scale)


def _checked(path: pathlib.Path, number: int, one: Any) -> Run:
    """A run whose parts have the right types and whose name is that of a folder of its own."""
    if not isinstance(one, Run):
        raise UsageError(f'{path}: run {number} is {show(one)}, wanted Run(name, config, overrides)')
    if problem := _wrong_with(one.name):
        raise UsageError(f'{path}: run {number}: name: got {show(one.name)}, {problem}')
    if not isinstance(one.config, str) or not one.config:
        raise UsageError(f'{path}: run {one.name!r}: config: got {show(one.config)}, wanted the path of a config file')
    if not isinstance(one.overrides, dict) or not all(isinstance(key, str) for key in one.overrides):
        raise UsageError(f'{path}: run {one.name!r}: overrides: got {show(one.overrides)}, wanted a dict of knobs')
    levels = one.levels.items() if isinstance(one.levels, Mapping) else [(one.levels, None)]
    if not all(isinstance(text, str) for pair in levels for text in pair):
        raise UsageError(
            f'{path}: run {one.name!r}: levels: got {show(one.levels)}, wanted a level of each choice, as texts'
        )
    texts = {key.removeprefix('config.'): str(value) for key, value in one.overrides.items()}
    if 'experiment' in texts:
        raise UsageError(f'{path}: run {one.name!r}: config.experiment is {path.stem!r}, as this file is called')
    return one._replace(overrides=texts)


def _wrong_with(name: Any) -> str | None:
    """What a name would do as the name of a folder; None for a good one."""
    if not isinstance(name, str) or not name.strip():
        return 'wanted a text that is not empty'
    if '/' in name or '\\' in name:
        return 'wanted the name of one folder of the study, without / and \\'
    if name.startswith('.'):
        return 'which is hidden or leads out of the study; wanted a name that starts with no dot'
    if name != name.strip() or not name.isprintable():
        return 'wanted a name without spaces around it, line breaks and control characters'
    if len(name.encode('utf-8', 'replace')) > 200:
        return 'wanted at most 200 bytes'
    if name.lower().endswith(SUFFIXES) or name.lower() in RESERVED or name.lower().startswith(BASELINE):
        return 'which is the name of something else in a study; wanted another one'
    return None


def _distinct(path: pathlib.Path, runs: tuple[Run, ...]) -> None:
    """UsageError where two names are one, on a file system that knows no upper case among others."""
    known: dict[str, str] = {}
    for one in runs:
        folded = unicodedata.normalize('NFC', one.name).casefold()
        if folded in known:
            other = known[folded]
            same = 'have one name' if other == one.name else f'have one name where case does not count: {other!r} and'
            raise UsageError(f'{path}: two runs {same} {one.name!r}; wanted a folder for each')
        known[folded] = one.name
