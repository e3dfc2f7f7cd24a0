"""What a person sees while a run goes on: a bar on a terminal, a few plain lines elsewhere."""

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class Progress:
    """A context manager; leaving it takes the bar away."""

    def __init__(self, quiet: bool = False):
        self.console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
        self.quiet = quiet
        columns = (
            TextColumn('[bold]{task.description}'),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn('{task.fields[status]}'),
            TimeElapsedColumn(),
            TextColumn('left'),
            TimeRemainingColumn(),
        )
        # No bar in log files, where every refresh would be a line.
        self.bar = Bar(*columns, console=self.console, disable=quiet or not self.console.is_terminal, transient=True)
        self.task = None

    def __enter__(self):
        self.bar.start()
        return self

    def __exit__(self, *_):
        self.bar.stop()

    def note(self, line: str) -> None:
        """One line that stays."""
        if not self.quiet:
            self.console.print(line, markup=False)

    def start(self, total: int, done: int, name: str = 'training') -> None:
        """A new bar in place of the one before."""
        if self.task is not None:
            self.bar.remove_task(self.task)
        self.task = self.bar.add_task(name, total=total, completed=done, status='compiling')

    def update(self, done: int, loss: float | None = None, rate: float | None = None, unit: str = 'tokens') -> None:
        """`rate` counts units a second."""
        status = '' if loss is None else f'loss {loss:.3f}  {rate:,.0f} {unit}/s'
        self.bar.update(self.task, completed=done, status=status)
