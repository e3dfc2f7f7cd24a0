"""What may be asked of Slurm for each run, by --executor.NAME=VALUE, and what submitit calls it."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from posbench.knobs.kinds import Choice, Int, Knob, NotAllowed, Range


@dataclasses.dataclass(frozen=True)
class Word(Knob):
    """A text of one line that fits a pattern."""

    pattern: str
    wanted: str

    def check(self, value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(self.pattern, value):
            raise NotAllowed(value, self.wanted)
        return value


@dataclasses.dataclass(frozen=True)
class Minutes(Knob):
    """A time as Slurm writes it, in whole minutes."""

    wanted = 'a time of at least one minute, as minutes, HH:MM:SS, D-HH or D-HH:MM:SS'

    def check(self, value: Any) -> int:
        match = re.fullmatch(r'(?:(\d{1,4})-)?(\d{1,6})(?::(\d{1,2}))?(?::(\d{1,2}))?', value)
        if match is None:
            raise NotAllowed(value, self.wanted)
        days, *rest = (int(part) if part else 0 for part in match.groups())
        # A single number, and the first of two, is of minutes; of hours behind days, and where there are three.
        has_hours = match[1] is not None or match[4] is not None
        hours, minutes, seconds = rest if has_hours else (0, rest[0], rest[1])
        whole = (days * 24 + hours) * 60 + minutes + (seconds + 59) // 60
        if whole < 1:
            raise NotAllowed(value, self.wanted)
        return whole


NAME = Word(r'[^\s]+', 'a text without spaces')

OPTIONS = dict(
    partition=NAME,
    account=NAME,
    qos=NAME,
    # Of a job, not of a run: one that takes longer saves, and goes on in the next job. By default an hour.
    time=Minutes(),
    cpus=Int(Range(min=1)),
    gpus=Word(r'([\w.-]+:)?\d+', 'a number of GPUs, or kind:number as in a100:1'),
    memory=Word(r'\d+[KMGT]?', 'a number with K, M, G or T, as in 16G'),
    constraint=NAME,
    exclude=NAME,
    setup=Word(r'[^\n]+', 'a line of shell, which comes before each call'),
    # Seconds before the end of its time at which a job is told to save; by default 90.
    signal=Int(Range(min=1)),
    # How often a job whose time is over goes on; by default 100.
    requeues=Int(Range(min=0)),
    # `local`: what Slurm would do, by submitit's processes on this machine, to try it.
    cluster=Choice(('slurm', 'local')),
)
CALLED = dict(cpus='cpus_per_task', gpus='gpus_per_node', memory='mem')
AS_THEY_ARE = ('partition', 'account', 'qos', 'constraint', 'exclude')


def minutes(given: Mapping[str, object]) -> int:
    """The time of a job."""
    return given.get('time', 60)


def delay(given: Mapping[str, object]) -> int:
    """Seconds that a run has to save before its job's time is over."""
    return given.get('signal', 90)


def rounds(given: Mapping[str, object]) -> int:
    """How often a job may run out of time. submitit counts so, too, one that was preempted when it had run for most of
    its time, or for all of it but ten minutes: a small number would be the end of long runs.
    """
    return given.get('requeues', 100)


def resources(given: Mapping[str, object]) -> dict[str, object]:
    """What a job asks for, as parameters of submitit."""
    named = {CALLED[name]: given[name] for name in CALLED if name in given}
    return named | {name: given[name] for name in AS_THEY_ARE if name in given}
