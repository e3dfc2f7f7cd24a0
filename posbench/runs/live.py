"""What a person sees of a study while it goes on: a table on a terminal, else plain lines, nothing with --quiet."""

import dataclasses
import sys
from collections.abc import Sequence
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

WAITING, RUNNING, DONE, FAILED, STOPPED = 'waiting', 'running', 'done', 'failed', 'stopped'
STYLES = {WAITING: 'dim', RUNNING: 'bold', DONE: 'green', FAILED: 'red', STOPPED: 'yellow'}


@dataclasses.dataclass
class Line:
    """Where one run is; `says` is its number when it is done, and what is to be said of it otherwise."""

    name: str
    steps: int | None
    state: str = WAITING
    says: str = ''
    step: int | None = None
    rate: float | None = None  # steps a second
    reuses: bool = False  # the weights of another run, so that it takes no time to speak of
    looked: float = 0.0  # when to look again whether it can begin

    @property
    def seconds_left(self) -> float | None:
        """Of its training, by its own rate."""
        if None in (self.step, self.rate, self.steps):
            return None
        return max(self.steps - self.step, 0) / self.rate if self.rate else None

    @property
    def pace(self) -> str:
        """'1,200/2,000 steps, 31 a second', as far as it is known of one that is running."""
        if self.state != RUNNING:
            return ''
        if self.step is None:
            return 'no step yet'
        total = '' if self.steps is None else f'/{self.steps:,}'
        return f'{self.step:,}{total} steps' + ('' if self.rate is None else f', {self.rate:.3g} a second')


class View(Protocol):
    """A context manager; what it is told it shows, or not."""

    wants_lines: bool

    def __enter__(self) -> 'View': ...

    def __exit__(self, *_) -> None: ...

    def say(self, line: str) -> None:
        """Something has happened."""

    def show(self, lines: Sequence[Line], left: str) -> None:
        """Where all runs are now, and what is left."""


class Plain:
    """A line for whatever happens, and none with --quiet."""

    wants_lines = False

    def __init__(self, quiet: bool):
        self._quiet = quiet

    def __enter__(self) -> 'Plain':
        return self

    def __exit__(self, *_) -> None:
        pass

    def say(self, line: str) -> None:
        if not self._quiet:
            print(line, flush=True)

    def show(self, lines: Sequence[Line], left: str) -> None:
        pass


class Watched:
    """A table of all runs, as many as there is room for, which stays when they have ended."""

    wants_lines = True

    def __init__(self, console: Console):
        self._console = console
        # Drawn when there is something new, by whoever says so.
        self._live = Live(console=console, auto_refresh=False)

    def __enter__(self) -> 'Watched':
        self._live.start()
        return self

    def __exit__(self, *_) -> None:
        self._live.stop()

    def say(self, line: str) -> None:
        """It stands in the table."""

    def show(self, lines: Sequence[Line], left: str) -> None:
        # Heading, summary, and the line that the cursor stands in.
        self._live.update(table(lines, left, self._console.height - 4), refresh=True)


def of(quiet: bool) -> View:
    """A table where standard output is a terminal."""
    console = Console(file=sys.stdout, highlight=False)
    return Plain(quiet) if quiet or not console.is_terminal else Watched(console)


def table(lines: Sequence[Line], left: str, room: int) -> Group:
    """At most `room` runs: those under way, then failures, what comes next, and what was done last."""
    counts = {state: sum(line.state == state for line in lines) for state in STYLES}
    said = ', '.join(f'{count} {state}' for state, count in counts.items() if count)
    item = Table(box=None, padding=(0, 2, 0, 0), header_style='bold')
    for name in ('run', 'state', ''):
        item.add_column(name, no_wrap=True, overflow='ellipsis')
    for line in _chosen(lines, max(room, 1)):
        detail = '; '.join(filter(None, (line.pace, line.says)))
        item.add_row(Text(line.name), Text(line.state, style=STYLES[line.state]), Text(detail))
    return Group(item, Text('; '.join(filter(None, (said, left))), style='bold'))


def _chosen(lines: Sequence[Line], room: int) -> list[Line]:
    """In the order of the study."""
    order = (RUNNING, STOPPED, FAILED, WAITING, DONE)

    def urgency(place: int) -> tuple[int, int]:
        state = lines[place].state
        # Of what is done the last ones, of all else the first.
        return order.index(state), -place if state == DONE else place

    return [lines[place] for place in sorted(sorted(range(len(lines)), key=urgency)[:room])]
