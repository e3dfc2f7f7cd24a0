"""Executors by name: what calls the runs of a study. One a file; base.py is what each of them has to do."""

from collections.abc import Mapping

from posbench.knobs.kinds import NotAllowed, UsageError, nearest
from posbench.runs.executors import base, local, ray, slurm

EXECUTORS: dict[str, type[base.Executor]] = dict(local=local.Executor, slurm=slurm.Executor, ray=ray.Executor)


def build(request) -> base.Executor:
    """The executor that a command asks for. UsageError, one line, for what it has not, and what is not installed."""
    return EXECUTORS[request.executor](request, options(request))


def options(request) -> dict[str, object]:
    """The values of --executor.NAME=VALUE. UsageError, one line, where the executor has no such option or value."""
    return dict(_option(request.executor, *item) for item in request.executor_options.items())


def _option(executor: str, name: str, text: str) -> tuple[str, object]:
    knobs = EXECUTORS[executor].OPTIONS
    knob = _knob(knobs, name)
    if knob is None:
        others = [other for other, one in EXECUTORS.items() if _knob(one.OPTIONS, name) is not None]
        near = nearest(name, knobs)
        hint = f'; did you mean --executor.{near}?' if near else '.'
        if others:
            hint = f'; it goes with --executor={" or ".join(others)}.'
        there = f' Options: {", ".join(knobs)}' if knobs else ''
        raise UsageError(f'--executor.{name}: --executor={executor} has no such option{hint}{there}')
    try:
        return name, knob.parse(text)
    except NotAllowed as error:
        raise UsageError(f'--executor.{name}: {error}') from None


def _knob(knobs: Mapping[str, object], name: str):
    """The knob of an option; `resources.NAME` stands for any name."""
    room, dot, rest = name.partition('.')
    return knobs.get(f'{room}.NAME' if dot and rest else name)
