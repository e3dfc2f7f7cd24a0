"""The work of a study: its runs, some at a time, each in a process and a folder of its own, in the order of the plan.

A run begins when those are done that it starts from, and when none that has the same weights is under way. One whose
process was killed is tried again and resumes; one that ended by itself has its result, be it a failure.
"""

import contextlib
import dataclasses
import signal
import time
from collections.abc import Callable
from typing import BinaryIO

from posbench import failures
from posbench.knobs.user_file import ROOT
from posbench.runs import cores, live, locks, plan, process, reuse, seen, workdir
from posbench.runs.plan import Planned

# Seconds between two looks at the processes, and between two at what other processes and the logs of runs say.
TICK, PATIENCE = 0.05, 1.0
# What one of posbench's commands ends with where a signal told it to.
ASKED = (128 + signal.SIGINT, 128 + signal.SIGTERM)


@dataclasses.dataclass
class _Try:
    """A process under way: the place it has among those at work, its log, and where in that its words begin."""

    child: process.Child
    place: int
    log: BinaryIO
    start: int


class Work:
    """The chosen ones of all runs of a study, brought to their end.

    From those that are not chosen some may start: `elsewhere` says whether another process is at work on them, so that
    it is worth waiting.
    """

    def __init__(
        self,
        runs: list[Planned],
        chosen: list[Planned],
        runner: process.Runner,
        view: live.View,
        request,
        elsewhere: Callable[[], bool],
    ):
        self._plans = {one.name: one for one in runs}
        self._runner, self._view, self._elsewhere = runner, view, elsewhere
        self._retries, self._timeout = request.retries, request.timeout
        self._shares = cores.shares(request.jobs)
        self._keys = {one.name: reuse.key(one) for one in runs}
        self._waiting = {one.name: one for one in chosen}
        self._tries: dict[str, _Try] = {}
        self._attempts: dict[str, int] = {}
        self._lines = {one.name: live.Line(one.name, one.steps) for one in chosen}
        self._finished: list[tuple[float, float | None]] = []
        self._next_look = 0.0

    @property
    def failed(self) -> int:
        """How many runs have ended without results."""
        return sum(line.state == live.FAILED for line in self._lines.values())

    def do(self) -> None:
        """Brings all runs to their end, unless a signal comes; then those under way to theirs."""
        with self._view:
            try:
                self._skip()
                while self._tries or (self._waiting and not self._stopped):
                    self._collect()
                    if not self._stopped:
                        self._begin()
                    if self._is_time():
                        self._look()
                    if self._tries or self._waiting:
                        time.sleep(TICK)
                self._look()
            finally:
                for one in self._tries.values():
                    one.log.close()

    def stopped_at(self) -> str:
        """Where a signal stopped the work, in one line."""
        done = sum(self._plans[name].is_done for name in self._lines)
        stopped = ', '.join(name for name, line in self._lines.items() if line.state == live.STOPPED)
        return (
            f'{self._runner.stopped_by.name}: stopped{f" in {stopped}" if stopped else ""}, {done} of '
            f'{len(self._lines)} runs are done; the same command goes on from there.'
        )

    @property
    def _stopped(self) -> bool:
        return self._runner.stopped_by is not None

    def _is_time(self) -> bool:
        """Whether to look again at what changes slowly, or costs something to look at."""
        if time.monotonic() < self._next_look:
            return False
        self._next_look = time.monotonic() + PATIENCE
        return True

    def _say(self, name: str, text: str) -> None:
        self._view.say(f'[{list(self._lines).index(name) + 1}/{len(self._lines)}] {name}: {text}')

    def _skip(self) -> None:
        """What was done before; of what is left nobody knows otherwise how much it is."""
        for one in list(self._waiting.values()):
            if one.is_done:
                self._was_done(one)

    def _was_done(self, one: Planned) -> None:
        failures.forget(one.folder)
        del self._waiting[one.name]
        line = self._lines[one.name]
        line.state, line.says = live.DONE, seen.main_number(one.folder)
        self._say(one.name, 'done before')

    def _begin(self) -> None:
        """Starts what can be started, the first ones first, as long as there are places."""
        for one in list(self._waiting.values()):
            free = set(range(len(self._shares))) - {tried.place for tried in self._tries.values()}
            if self._stopped or not free:
                return
            self._begin_one(one, min(free))

    def _begin_one(self, one: Planned, place: int) -> None:
        line = self._lines[one.name]
        if line.looked > time.monotonic():
            return
        if one.is_done:
            # By another process that was at work in it.
            self._was_done(one)
            return
        if number := locks.holder(one.folder / workdir.LOCK):
            self._look_later(line, f'process {number} is at work in it', 'the others first')
            return
        lacking = [name for name in one.needs if not self._is_there(name)]
        if lacking and any(self._may_come(name) for name in lacking):
            self._look_later(line, f'starts from {", ".join(lacking)}', '')
            return
        if lacking:
            self._end(one, 'error', f'it starts from {", ".join(lacking)}, which has no results', 'not begun: ')
            return
        alike = [name for name, key in self._keys.items() if key == self._keys[one.name] and name != one.name]
        if training := [name for name in alike if name in self._tries]:
            line.says, line.looked = f'waits for the weights of {training[0]}', time.monotonic() + PATIENCE
            return
        self._try(one, place, [self._plans[name] for name in alike])

    def _look_later(self, line: live.Line, why: str, then: str) -> None:
        """Of a run that cannot begin yet: says so once, and once more when there is nothing else to do."""
        line.looked = time.monotonic() + PATIENCE
        if not self._tries and all(self._lines[name].says for name in self._waiting if name != line.name):
            then = 'waiting for its end' if then else 'waiting for it'
        said = '; '.join(filter(None, (why, then)))
        if line.says != said:
            line.says = said
            self._say(line.name, said)

    def _is_there(self, name: str) -> bool:
        if name in self._lines:
            return self._lines[name].state == live.DONE
        return self._plans[name].is_done

    def _may_come(self, name: str) -> bool:
        """Whether a run that is not done yet may still be."""
        if name in self._lines:
            return name in self._waiting or name in self._tries
        return self._elsewhere()

    def _try(self, one: Planned, place: int, alike: list[Planned]) -> None:
        failures.forget(one.folder)
        one.folder.mkdir(parents=True, exist_ok=True)
        flags, source = plan.flags(one), None if workdir.results_in(one.folder) else reuse.trained(alike)
        # Not closed before its process has ended, and by then elsewhere.
        log = (one.folder / 'log.txt').open('ab')
        try:
            if source is not None:
                reuse.take(source, one)
                flags = []
                log.write(f'The weights are those of {source.name}, which is scored otherwise.\n'.encode())
                log.flush()
            start, share = log.tell(), self._shares[place]
            child = self._runner.start(
                [*one.command, *flags], ROOT, log, cores=share.cores, environment=share.environment,
                timeout=self._timeout,
            )  # fmt: skip
        except BaseException:
            log.close()
            raise
        del self._waiting[one.name]
        self._tries[one.name] = _Try(child, place, log, start)
        self._attempts[one.name] = self._attempts.get(one.name, 0) + 1
        line = self._lines[one.name]
        line.state, line.says = live.RUNNING, '' if source is None else f'scores the weights of {source.name}'
        line.reuses = source is not None
        again = f', attempt {self._attempts[one.name]} of {self._retries + 1}' if self._attempts[one.name] > 1 else ''
        self._say(one.name, f'begins{again}' if source is None else f'takes the weights of {source.name}')

    def _collect(self) -> None:
        """What has come of processes that have ended; and their time."""
        for name, tried in list(self._tries.items()):
            tried.child.keep_time()
            if tried.child.code is None:
                continue
            del self._tries[name]
            tried.log.close()
            one = self._plans[name]
            self._judge(one, tried, _last_words(one, tried.start, tried.child.code))

    def _judge(self, one: Planned, tried: _Try, words: str) -> None:
        code, line, took = tried.child.code, self._lines[one.name], f'after {seen.duration(tried.child.seconds)}'
        if one.is_done and code == 0:
            failures.forget(one.folder)
            line.state, line.says = live.DONE, seen.main_number(one.folder)
            if not line.reuses:
                self._finished.append((tried.child.seconds, seen.work(one.config)))
            self._say(one.name, '; '.join(filter(None, (f'exit 0 {took}', line.says, self._left()))))
        elif self._stopped:
            line.state, line.says = live.STOPPED, words
            self._waiting[one.name] = one
            self._say(one.name, f'stopped {took}: {words}')
        elif number := locks.holder(one.folder / workdir.LOCK):
            self._waiting[one.name] = one
            line.state, self._attempts[one.name] = live.WAITING, self._attempts[one.name] - 1
            self._look_later(line, f'process {number} is at work in it', 'the others first')
        else:
            kind, reason = _what_ended(tried.child, one, words)
            ended_otherwise = kind in ('killed', 'timeout') or tried.child.out_of_memory
            if ended_otherwise and self._attempts[one.name] <= self._retries:
                self._waiting = {one.name: one} | self._waiting
                line.state = live.WAITING
                self._say(one.name, f'{kind} {took}: {reason}; tried again')
            else:
                self._end(one, kind, reason, f'exit {code} {took}: ')

    def _end(self, one: Planned, kind: str, reason: str, said: str) -> None:
        """A run that has failed, and is not tried again."""
        self._waiting.pop(one.name, None)
        one.folder.mkdir(parents=True, exist_ok=True)
        failures.write(one.folder, one.name, kind, reason, self._attempts.get(one.name, 0))
        line = self._lines[one.name]
        line.state, line.says = live.FAILED, f'{failures.WORDS[kind]}: {reason}'
        self._say(one.name, f'{said}{reason}')

    def _look(self) -> None:
        """Shows where all runs are."""
        if not self._view.wants_lines:
            return
        for name in self._tries:
            line = self._lines[name]
            found = seen.progress(self._plans[name].folder)
            line.step, line.rate = found.step, found.rate
        self._view.show(list(self._lines.values()), self._left())

    def _left(self) -> str:
        """What is left, in words; '' where nothing was measured yet, or nothing is left."""
        under_way = []
        for name, tried in self._tries.items():
            line, amount = self._lines[name], seen.work(self._plans[name].config)
            under_way.append((tried.child.seconds, line.seconds_left, amount))
        waiting = [seen.work(one.config) for one in self._waiting.values()]
        seconds = seen.seconds_left(self._finished, under_way, waiting, len(self._shares))
        return '' if seconds is None or not (under_way or waiting) else f'about {seen.duration(seconds)} left'


def _what_ended(child: process.Child, one: Planned, words: str) -> tuple[str, str]:
    """Kind and reason of a failure: what the run says itself, or what there is to see from outside."""
    if child.out_of_time:
        return 'timeout', f'it took longer than --timeout; it said last: {words}'
    if child.out_of_memory:
        return 'out of memory', f'ended while the system killed processes for want of memory: {words}'
    said = failures.read(one.folder)
    if said is not None and said.get('kind') in failures.WORDS:
        return said['kind'], str(said.get('reason'))
    return ('killed' if child.code < 0 or child.code in ASKED else 'error'), words


def _last_words(one: Planned, start: int, code: int) -> str:
    """What a process said last, or what ended it where it could say nothing."""
    lines: list[str] = []
    with contextlib.suppress(OSError):
        lines = (one.folder / 'log.txt').read_bytes()[start:].decode('utf-8', 'replace').strip().splitlines()
    words = lines[-1].removeprefix('launch.py: ') if lines else 'no output'
    if code >= 0:
        return words if code else f'it left no rows of this config and its last step; it said last: {words}'
    return f'ended by {signal.Signals(-code).name}; it said last: {words}'
