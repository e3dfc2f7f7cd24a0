"""How far a run is, from the files in its folder, and what is left of a study, from what its runs took. No jax."""

import dataclasses
import json
import pathlib
import statistics
from collections.abc import Iterable, Sequence

from ml_collections import ConfigDict

from posbench.report import rows as rows_lib
from posbench.report import task as task_lib
from posbench.report import texts

# Bytes of the end of a log that are read: lines of some seeds of a few calls.
TAIL = 16_384


@dataclasses.dataclass(frozen=True)
class Progress:
    """Steps that a run has done, and how many it does a second; None where its logs do not say."""

    step: int | None
    rate: float | None


def progress(folder: pathlib.Path) -> Progress:
    """By metrics.jsonl, and timing.jsonl, of whose lines the first one holds the compiler's time."""
    steps = [line['step'] for line in _tail(folder / 'metrics.jsonl') if line.get('split') == 'train']
    timed = [line for line in _tail(folder / 'timing.jsonl') if 'step' in line and 'seconds' in line]
    rate = None
    if len(timed) > 1:
        seconds = sum(line['seconds'] for line in timed[1:])
        rate = (timed[-1]['step'] - timed[0]['step']) / seconds if seconds > 0 else None
    return Progress(steps[-1] if steps else None, rate)


def main_number(folder: pathlib.Path) -> str:
    """The deciding metric of a run that is done, mean over seeds, at the training length: 'accuracy 0.931'.

    '' where it is not known. Of the last phase, on the split that has more than the training length.
    """
    try:
        task, _ = task_lib.read(folder)
        rows = [row for row in rows_lib.read(folder / 'rows.jsonl') if not row.is_baseline and row.value is not None]
    except rows_lib.ReportError:
        return ''
    found = [row for row in rows if row.metric == task.row(task.main)]
    if not found:
        return ''
    longest = max(found, key=lambda row: row.length or 0)
    split, run = longest.split, found[-1].run
    there = [row.value for row in found if (row.split, row.run, row.length) == (split, run, row.train_length)]
    if not there:
        return ''
    value = statistics.fmean(there)
    return texts.quantity(task.deciding, f'{value:.{max(task.deciding.digits, 3)}f}')


def work(config: ConfigDict) -> float | None:
    """Tokens that a run trains on, over all seeds; None where its steps follow from data."""
    train = config.train
    if 'steps' not in train:
        return None
    return float(train.steps * train.batch_size * train.length * len(config.seeds))


def seconds_left(
    finished: Sequence[tuple[float, float | None]],
    under_way: Sequence[tuple[float, float | None, float | None]],
    waiting: Iterable[float | None],
    places: int,
) -> float | None:
    """An estimate for a whole study; None where nothing was measured yet.

    finished: (seconds, work) of each run that this command has trained. under_way: (seconds so far, seconds left by its
    own rate or None, work). waiting: the work of each that has not begun. places: runs at a time.
    """
    whole = [*finished, *((so_far + left, amount) for so_far, left, amount in under_way if left is not None)]
    if not whole:
        return None
    known = [(seconds, amount) for seconds, amount in whole if amount]
    pace = sum(seconds for seconds, _ in known) / sum(amount for _, amount in known) if known else None
    mean = statistics.fmean(seconds for seconds, _ in whole)

    def of(amount: float | None) -> float:
        return amount * pace if amount and pace else mean

    running = [max(of(amount) - so_far, 0.0) if left is None else left for so_far, left, amount in under_way]
    return max([(sum(running) + sum(map(of, waiting))) / places, *running])


def duration(seconds: float) -> str:
    """In the unit that fits: '40 s', '12 min', '3.5 h'."""
    if seconds < 90:
        return f'{seconds:.0f} s'
    return f'{seconds / 60:.0f} min' if seconds < 90 * 60 else f'{seconds / 3600:.1f} h'


def _tail(path: pathlib.Path) -> list[dict]:
    """The last whole lines of a file of JSON lines; none where there is no such file yet."""
    try:
        with path.open('rb') as file:
            size = file.seek(0, 2)
            file.seek(max(size - TAIL, 0))
            lines = file.read().split(b'\n')
    except OSError:
        return []
    # Behind the last newline is what is being written, and before the first one perhaps half of a line.
    lines = lines[:-1] if size <= TAIL else lines[1:-1]
    found = []
    for line in lines:
        try:
            item = json.loads(line)
        except ValueError:
            continue
        found += [item] if isinstance(item, dict) else []
    return found
