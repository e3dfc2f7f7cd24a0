"""What entrants are compared on: a task with its options, at one training length, within one study.

Models of two studies may differ in size and steps, so that only runs of one stand beside each other. A study calls its
runs by all that it varies, `copy-rope-256`: what tells problems apart and never runs of one problem, the task or the
length, is no part of what its entrants are called.
"""

import dataclasses
import functools
import json
import re
from collections.abc import Sequence

from posbench.report import boards, texts, word_vectors
from posbench.report.boards import Board
from posbench.report.folder import Run, Study

# What stands between the levels of a grid in the names of its runs; '-' last, for within brackets it is a range.
BETWEEN = '@-'


@dataclasses.dataclass(frozen=True)
class Problem:
    """`label` is that of no other problem; `words` are the parts of its runs' names that say which it is."""

    label: str
    study: Study
    board: Board
    words: frozenset[str] = frozenset()

    @property
    def protocol(self) -> str:
        """The main protocol; the others are in the study's own report."""
        return self.board.task.main

    @property
    def lengths(self) -> list[int]:
        """Scored lengths from the training length on; those below it are no extrapolation."""
        return [n for n in self.board.lengths if n >= self.board.train_length]

    @functools.cached_property
    def runs(self) -> dict[str, Run]:
        """The runs of the board by name."""
        return {run.name: run for run in self.study.runs if run.task.name == self.board.task.name}

    def labelled(self, run: str) -> str:
        """A run without what only says which problem it is of, where that leaves no two alike."""
        short = [self._short(other) for other in self.board.runs if other != run]
        return run if self._short(run) in short else self._short(run)

    def _short(self, run: str) -> str:
        kept = [part for part in parts(run) if part.lstrip(BETWEEN) not in self.words]
        return stripped(self.board.task.name, ''.join(kept).lstrip(BETWEEN) or run)


def of(studies: Sequence[Study]) -> list[Problem]:
    """The boards that were scored at lengths, each by the options of its task; in the order of the studies."""
    found = [(study, board, options) for study in studies for board, options in _boards(study)]
    at = [(board.task.name, board.train_length, options) for _, board, options in found]
    lengths = [task for task, _ in {(task, length) for task, length, _ in at}]
    problems: list[Problem] = []
    for (study, board, options), place in zip(found, at):
        others = [other for other in at if other[:2] == place[:2]]
        label = ' '.join([board.task.name, *_differing(options, [other[2] for other in others])])
        if lengths.count(board.task.name) > 1:
            label = f'{label}, {texts.trained(board)}'
        if at.count(place) > 1:
            label = f'{label}, {title(study)}'
        taken = sum(label == other.label for other in problems)
        label = f'{label} ({taken + 1})' if taken else label
        problems.append(Problem(label, study, board, _words(board, [b for s, b, _ in found if s is study])))
    return problems


def title(study: Study) -> str:
    """What a study is called."""
    return study.title or (study.runs[0].name if study.single else study.folder.resolve().name)


def of_failed(problems: Sequence[Problem], item: dict) -> Problem | None:
    """The problem, of those of one study, that a run without results was to solve; None where nothing says it."""
    if len(problems) == 1:
        return problems[0]
    config = item.get('config') or {}
    task, train = config.get('task') or {}, config.get('train') or {}
    about = (task.get('name'), train.get('length'), _options(config))
    fitting = [
        problem
        for problem in problems
        if (problem.board.task.name, problem.board.train_length, _options(problem.runs[problem.board.runs[0]].config))
        == about
    ]
    if len(fitting) == 1:
        return fitting[0]
    words = words_of(item['run'])
    fitting = [problem for problem in problems if problem.words and problem.words <= words]
    if not fitting:
        fitting = [problem for problem in problems if stripped(problem.board.task.name, item['run']) != item['run']]
    if not fitting:
        fitting = [problem for problem in problems if not problem.words]
    return fitting[0] if len(fitting) == 1 else None


def parts(run: str) -> list[str]:
    """A name in parts, each with what stands before it: 'rope', '-64', '@copy'."""
    return re.findall(rf'[{BETWEEN}]*[^{BETWEEN}]+|[{BETWEEN}]+$', run)


def words_of(run: str) -> set[str]:
    """The parts of a name alone."""
    return {part.lstrip(BETWEEN) for part in parts(run)}


def stripped(task: str, run: str) -> str:
    """A run's name without that of its task at either end: 'copy-rope' and 'rope, length/copy' are 'rope'."""
    forms = dict.fromkeys([task, task.replace('/', '_'), task.replace('/', '-'), task.rpartition('/')[2]])
    for form in map(re.escape, forms):
        for pattern in (rf'^{form}[-_@/.,: ]+(?=.)', rf'(?<=.)[-_@/.,: ]+{form}$'):
            if (rest := re.sub(pattern, '', run)) != run:
                return rest
    return run


def _boards(study: Study) -> list[tuple[Board, str]]:
    """Boards with lengths, in parts where runs of one task have other options of it; with these options."""
    found = []
    for board in boards.boards(study):
        if board.train_length is None or not board.lengths or word_vectors.runs_of(board, study.runs):
            continue
        configs = {run.name: run.config for run in study.runs if run.task.name == board.task.name}
        parts: dict[str, list[str]] = {}
        for run in board.runs:
            parts.setdefault(_options(configs[run]), []).append(run)
        if '' in parts and len(parts) == 2:
            # A run that does not say its options is taken for one of the others.
            parts = {max(parts): board.runs}
        for options, runs in sorted(parts.items()):
            rows = [row for row in board.rows if row.run in runs] if len(parts) > 1 else board.rows
            found.append((dataclasses.replace(board, runs=runs, rows=rows), options))
    return found


def _options(config: dict | None) -> str:
    """The options of a task and its data, as text; '' where they are not known."""
    if config is None or config.get('task') is None:
        return ''
    return json.dumps([config['task'], config.get('dataset') or {}], sort_keys=True)


def _differing(options: str, others: Sequence[str]) -> list[str]:
    """The values of the options that are not the same for all: 'cmc'."""
    own, rest = _flat(options), [_flat(other) for other in others]
    return [str(value) for key, value in own.items() if any(other.get(key) != value for other in rest)]


def _flat(options: str) -> dict[str, object]:
    return {f'{i}.{key}': value for i, part in enumerate(json.loads(options or '[]')) for key, value in part.items()}


def _words(board: Board, of_study: Sequence[Board]) -> frozenset[str]:
    """The parts of its runs' names that tell problems apart, and never runs of one problem.

    What is in the names of all runs tells nothing. Where a part is in those of no problem with several runs, it tells
    problems apart if it is in those of a single one.
    """
    if len(of_study) == 1:
        return frozenset()
    names = [[words_of(run) for run in other.runs] for other in of_study]

    def is_of_problem(word: str) -> bool:
        holding = [runs for runs in names if any(word in run for run in runs)]
        several = [runs for runs in holding if len(runs) > 1]
        if all(word in run for runs in names for run in runs):
            return False
        return all(word in run for runs in several for run in runs) if several else len(holding) == 1

    return frozenset(word for word in set().union(*map(words_of, board.runs)) if is_of_problem(word))
