"""The plan of a study: every run with its whole config, checked before any of them begins, and with its id.

study.json, in the folder of the study, keeps what a report has to know of it. A folder is a run of the study only where
its config and its rows have the id that stands there.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import sys
from collections.abc import Iterator

from ml_collections import ConfigDict

from posbench import identity
from posbench.files import write_atomically
from posbench.knobs import schema
from posbench.knobs.kinds import UsageError
from posbench.knobs.user_file import ROOT
from posbench.report import published
from posbench.report.rows import ReportError
from posbench.runs import workdir
from posbench.runs.experiment import Experiment, Run

NAME = 'study.json'
# What stands in a knob for the folder of the study.
STUDY = '{study}'


@dataclasses.dataclass(frozen=True)
class Planned:
    """One run: its folder, its command without what depends on the folder's state, and its resolved config."""

    name: str
    folder: pathlib.Path
    command: list[str]
    config: ConfigDict
    needs: tuple[str, ...] = ()  # runs of this study that it names as {study}/OTHER, and starts from

    @property
    def id(self) -> str:
        """The hash that its rows carry."""
        return identity.config_hash(self.config.to_dict())

    @property
    def steps(self) -> int | None:
        """How many it is to train; None where that follows from data, as of word vectors."""
        return self.config.train.get('steps')

    @property
    def is_done(self) -> bool:
        """Whether its folder has rows of this config's last step."""
        return workdir.is_done(self.folder, self.id)


def make(experiment: Experiment, request) -> list[Planned]:
    """Every run of an experiment, with the overrides of a trial on top. UsageError names the run and the reason."""
    if 'experiment' in request.overrides:
        raise UsageError('config.experiment: it is the name of the study; wanted a knob of its runs')
    runs = [_planned(one, experiment, request) for one in experiment.runs]
    known: dict[str, str] = {}
    for one in runs:
        if one.id in known:
            raise UsageError(
                f'{experiment.path}: runs {known[one.id]!r} and {one.name!r} have the very same config, so that one '
                'result would count twice; wanted runs that differ in a knob, or in their seeds'
            )
        known[one.id] = one.name
    _check_needs(experiment, runs)
    return runs


def check_folders(runs: list[Planned]) -> None:
    """UsageError where the folder of a run has results of another one: what differs, and how to go on."""
    others = [(one, difference) for one in runs if (difference := _difference(one))]
    if others:
        one, difference = others[0]
        more = f', and so do {", ".join(other.name for other, _ in others[1:])}' if len(others) > 1 else ''
        raise UsageError(
            f'{one.folder}: it holds another run{more}: {difference}; choose another --workdir, or move what is there '
            'away'
        )


def flags(folder: pathlib.Path) -> list[str]:
    """What the command of a run needs besides, by what is in its folder."""
    if workdir.is_done(folder):
        # Somebody has scored it by other settings since: its weights are still those of this config.
        return ['--mode=evaluate']
    is_fresh = (folder / 'config.json').exists() and not workdir.results_in(folder)
    # A run that failed before it had results may have been one of another config.
    return ['--resume=never'] if is_fresh else []


def write(folder: pathlib.Path, experiment: Experiment, runs: list[Planned], overrides: dict[str, str]) -> None:
    """Writes study.json, and keeps the numbers of papers that the experiment has beside it."""
    scale = {} if experiment.scale is None else dict(scale=experiment.scale)
    levels = {one.name: dict(one.levels) for one in experiment.runs if one.levels}
    item = dict(
        title=experiment.title,
        question=experiment.question,
        experiment=os.path.relpath(experiment.path, ROOT),
        overrides=overrides,
        **scale,
        runs={one.name: one.id for one in runs},
        **(dict(levels=levels) if levels else {}),
    )
    write_atomically(folder / NAME, json.dumps(item, indent=2, ensure_ascii=False) + '\n')
    try:
        published.keep(experiment.path, folder)
    except ReportError as error:
        raise UsageError(str(error)) from None


def _planned(one: Run, experiment: Experiment, request) -> Planned:
    # Paths as seen from the repository: what a run records about itself then holds for any machine.
    study, here = os.path.relpath(request.workdir, ROOT), pathlib.Path.cwd()
    own = {key: text.replace(STUDY, study) for key, text in one.overrides.items()}
    texts = own | request.overrides | dict(experiment=experiment.path.stem)
    try:
        with contextlib.chdir(ROOT):
            config = schema.load(one.config, texts, seen_from=dict.fromkeys(request.overrides, here))
    except UsageError as error:
        raise UsageError(f'{experiment.path}: run {one.name!r}: {error}') from None
    for key in request.overrides:
        texts[key] = _seen_from_anywhere(texts[key], config, key)
    command = [sys.executable, 'launch.py', f'--config={one.config}']
    command += [f'--config.{key}={text}' for key, text in texts.items()]
    command += [f'--workdir={os.path.join(study, one.name)}']
    command += [f'--devices={request.devices}'] if request.devices else []
    return Planned(one.name, request.workdir / one.name, command, config, tuple(_needs(one, experiment)))


def _needs(one: Run, experiment: Experiment) -> Iterator[str]:
    """The runs whose folders its knobs name. Of two names that both begin what is there the longer one is meant."""
    names = sorted((run.name for run in experiment.runs), key=len, reverse=True)
    for text in one.overrides.values():
        for rest in text.split(f'{STUDY}/')[1:]:
            found = next((name for name in names if re.match(rf'{re.escape(name)}(?![^/,;\'")\] ])', rest)), None)
            yield from [] if found is None else [found]


def _check_needs(experiment: Experiment, runs: list[Planned]) -> None:
    """UsageError where a run could never begin, because it starts from itself, however many others are in between."""
    needs = {one.name: set(one.needs) for one in runs}
    while free := [name for name, others in needs.items() if not others & needs.keys()]:
        for name in free:
            del needs[name]
    if needs:
        raise UsageError(f'{experiment.path}: runs that start from each other: {", ".join(needs)}; wanted one to begin')


def _seen_from_anywhere(text: str, config: ConfigDict, key: str) -> str:
    """The text of an override, a path made absolute as the config has it: that is all that resolving adds to a text."""
    value = config
    for part in key.split('.'):
        value = value[part]
    return value if isinstance(value, str) else text


def _difference(one: Planned) -> str:
    """What the config in a run's folder has that this one has not; '' where nothing would be lost or mixed."""
    file = one.folder / 'config.json'
    if not file.exists() or not workdir.results_in(one.folder):
        return ''
    try:
        return workdir.differences(schema.load(file), one.config)
    except UsageError as error:
        return f'its config.json cannot be read ({error})'
