"""The work of a study: its runs in the order of the plan, called by an executor until they say that they are done.

A run begins when those are done that it starts from, and when none that has the same weights is under way. One whose
process was killed is called again and resumes; one that ended by itself has its result, be it a failure.
"""

import dataclasses
import time
from collections.abc import Callable

from posbench import failures
from posbench.knobs.user_file import ROOT
from posbench.runs import live, locks, reuse, seen, workdir
from posbench.runs.executors import base
from posbench.runs.plan import Planned

# Seconds between two looks at the calls, and between two at what other processes and the logs of runs say.
TICK, PATIENCE = 0.05, 1.0


@dataclasses.dataclass
class _Try:
    """A call under way, and what was said of it last."""

    call: base.Call
    said: str
    ended_at: float | None = None


class Work:
    """The chosen ones of all runs of a study, brought to their end.

    From those that are not chosen some may start: `elsewhere` says whether another process is at work on them, so that
    it is worth waiting.
    """

    def __init__(
        self,
        runs: list[Planned],
        chosen: list[Planned],
        executor: base.Executor,
        view: live.View,
        request,
        elsewhere: Callable[[], bool],
    ):
        self._plans = {one.name: one for one in runs}
        self._executor, self._view, self._elsewhere = executor, view, elsewhere
        self._retries, self._timeout = request.retries, request.timeout
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
        """Brings all runs to their end; after a signal only those under way, and those not where they outlive it."""
        with self._view:
            self._skip()
            self._find()
            while self._goes_on():
                self._collect()
                if self._stopped:
                    self._executor.stop(at_once=len(self._executor.runner.came) > 1)
                else:
                    self._begin()
                if self._is_time():
                    self._look()
                if self._tries or self._waiting:
                    time.sleep(TICK)
            self._look()

    def stopped_at(self) -> str:
        """Where a signal stopped the work, in one line."""
        done = sum(self._plans[name].is_done for name in self._lines)
        stopped = ', '.join(name for name, line in self._lines.items() if line.state == live.STOPPED)
        left = self._executor.left()
        return (
            f'{self._executor.runner.stopped_by.name}: stopped{f" in {stopped}" if stopped else ""}, {done} of '
            f'{len(self._lines)} runs are done{f"; {left}" if left else ""}; the same command goes on from there.'
        )

    @property
    def _stopped(self) -> bool:
        return self._executor.runner.stopped_by is not None

    def _goes_on(self) -> bool:
        if self._stopped:
            return bool(self._tries) and not self._executor.OUTLIVES
        return bool(self._tries or self._waiting)

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

    def _find(self) -> None:
        """What an earlier command has left under way, where that goes on by itself."""
        attempts = [self._attempt(one) for one in self._waiting.values()]
        for name, call in self._executor.found(attempts).items():
            self._begins(self._waiting[name], call, 'goes on')

    def _begin(self) -> None:
        """Begins what can begin, the first ones first, as long as there are places."""
        ready: dict[str, Planned] = {}
        for one in list(self._waiting.values()):
            if self._executor.places is not None and len(self._tries) + len(ready) >= self._executor.places:
                break
            if self._can_begin(one, ready):
                ready[one.name] = one
        takes = {one.name: self._prepare(one) for one in ready.values()}
        # In one go, because a cluster takes many more easily than one after the other.
        calls = self._executor.begin([self._attempt(one) for one in ready.values()]) if ready else []
        for one, call in zip(ready.values(), calls):
            tries, source = self._attempts.get(one.name, 0) + 1, takes[one.name]
            again = f', attempt {tries} of {self._retries + 1}' if tries > 1 else ''
            self._begins(one, call, f'begins{again}' if source is None else f'takes the weights of {source.name}')
            if source is not None:
                line = self._lines[one.name]
                line.says, line.reuses = f'scores the weights of {source.name}', True

    def _can_begin(self, one: Planned, ready: dict[str, Planned]) -> bool:
        """Whether a run can, beside those that are ready; if not, what it waits for is said."""
        line = self._lines[one.name]
        if line.looked > time.monotonic():
            return False
        if one.is_done:
            # By another process that was at work in it.
            self._was_done(one)
            return False
        if number := locks.holder(one.folder / workdir.LOCK):
            self._look_later(line, f'process {number} is at work in it', 'the others first')
            return False
        lacking = [name for name in one.needs if not self._is_there(name)]
        if lacking and any(self._may_come(name) for name in lacking):
            self._look_later(line, f'starts from {", ".join(lacking)}', '')
            return False
        if lacking:
            self._end(one, 'error', f'it starts from {", ".join(lacking)}, which has no results', 'not begun: ')
            return False
        training = [name for name in self._alike(one) if name in self._tries or name in ready]
        if training:
            line.says, line.looked = f'waits for the weights of {training[0]}', time.monotonic() + PATIENCE
        return not training

    def _alike(self, one: Planned) -> list[str]:
        """The other runs that have the same weights."""
        return [name for name, key in self._keys.items() if key == self._keys[one.name] and name != one.name]

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

    def _prepare(self, one: Planned) -> Planned | None:
        """Makes the folder ready for a call; gives the run whose weights it has been given, if there is one."""
        failures.forget(one.folder)
        one.folder.mkdir(parents=True, exist_ok=True)
        if workdir.results_in(one.folder):
            return None
        source = reuse.trained([self._plans[name] for name in self._alike(one)])
        if source is not None:
            reuse.take(source, one)
            with (one.folder / 'log.txt').open('ab') as log:
                log.write(f'The weights are those of {source.name}, which is scored otherwise.\n'.encode())
        return source

    def _attempt(self, one: Planned) -> base.Attempt:
        return base.Attempt.of(one, ROOT, self._timeout)

    def _begins(self, one: Planned, call: base.Call, said: str) -> None:
        del self._waiting[one.name]
        self._tries[one.name] = _Try(call, call.says)
        self._attempts[one.name] = self._attempts.get(one.name, 0) + 1
        line = self._lines[one.name]
        line.state, line.says = live.WAITING if call.waits else live.RUNNING, call.says
        self._say(one.name, '; '.join(filter(None, (said, call.says))))

    def _collect(self) -> None:
        """What has come of calls that have ended, and where the others are."""
        for name, tried in list(self._tries.items()):
            ended = tried.call.ended()
            if ended is not None:
                if not self._is_late(self._plans[name], tried, ended):
                    del self._tries[name]
                    self._judge(self._plans[name], ended)
            elif tried.said != tried.call.says:
                tried.said, line = tried.call.says, self._lines[name]
                line.state, line.says = live.WAITING if tried.call.waits else live.RUNNING, tried.said
                self._say(name, tried.said or 'has begun')

    def _is_late(self, one: Planned, tried: _Try, ended: base.Ended) -> bool:
        """Whether a call has ended well on another machine, whose files may not be seen yet."""
        if not self._executor.late or ended.code != 0 or one.is_done:
            return False
        tried.ended_at = tried.ended_at or time.monotonic()
        return time.monotonic() - tried.ended_at < self._executor.late

    def _judge(self, one: Planned, ended: base.Ended) -> None:
        line, took = self._lines[one.name], f'after {seen.duration(ended.seconds)}'
        code = 'ended' if ended.code is None else f'exit {ended.code}'
        self._attempts[one.name] += ended.calls - 1
        if one.is_done and not ended.code:
            failures.forget(one.folder)
            line.state, line.says = live.DONE, seen.main_number(one.folder)
            if not line.reuses:
                self._finished.append((ended.seconds, seen.work(one.config)))
            self._say(one.name, '; '.join(filter(None, (f'{code} {took}', line.says, self._left()))))
        elif self._stopped:
            line.state, line.says = live.STOPPED, ended.words
            self._waiting[one.name] = one
            self._say(one.name, f'stopped {took}: {ended.words}')
        elif number := locks.holder(one.folder / workdir.LOCK):
            self._waiting[one.name] = one
            line.state, self._attempts[one.name] = live.WAITING, self._attempts[one.name] - 1
            self._look_later(line, f'process {number} is at work in it', 'the others first')
        elif ended.again and self._attempts[one.name] <= self._retries:
            self._waiting = {one.name: one} | self._waiting
            line.state = live.WAITING
            self._say(one.name, f'{ended.kind} {took}: {ended.reason}; tried again')
        else:
            self._end(one, ended.kind, ended.reason or ended.words, f'{code} {took}: ')

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
        under_way, waiting = [], [seen.work(one.config) for one in self._waiting.values()]
        for name, tried in self._tries.items():
            line, amount = self._lines[name], seen.work(self._plans[name].config)
            if tried.call.waits:
                waiting.append(amount)
            else:
                under_way.append((tried.call.seconds, line.seconds_left, amount))
        places = self._executor.places or max(len(under_way), 1)
        seconds = seen.seconds_left(self._finished, under_way, waiting, places)
        return '' if seconds is None or not (under_way or waiting) else f'about {seen.duration(seconds)} left'
