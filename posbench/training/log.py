"""The files that hold what was measured while a run went on."""

import json
import math
import os
import pathlib
from collections.abc import Iterator

import numpy as np

from posbench.files import write_atomically


class Log:
    """metrics.jsonl, timing.jsonl and TensorBoard events of one run.

    metrics.jsonl holds only what the run computes, so that a resumed run ends with the same bytes; how fast this
    machine was stands in timing.jsonl.
    """

    def __init__(self, folder: pathlib.Path, step: int):
        """Opens the files to go on after `step`; lines of later steps, written before a kill, are dropped."""
        self.folder = folder
        self.files = {}
        for name in ('metrics.jsonl', 'timing.jsonl'):
            _truncate(folder / name, step)
            self.files[name] = (folder / name).open('a', encoding='utf-8')
        self.step = step
        self.board = None

    def metrics(self, step: int, split: str, seeds, values: dict[str, np.ndarray]) -> None:
        """Writes one line for each name and seed; `values[name]` has one number a seed."""
        for name, of_seeds in values.items():
            for seed, value in zip(seeds, of_seeds):
                line = dict(step=step, split=split, name=name, value=_finite(value), seed=seed)
                self.files['metrics.jsonl'].write(json.dumps(line) + '\n')
                self._tensorboard().add_scalar(f'{split}/{name}/seed_{seed}', float(value), step)

    def timing(self, step: int, tokens: int, seconds: float) -> None:
        line = dict(step=step, tokens_per_second=tokens / seconds, seconds=seconds)
        self.files['timing.jsonl'].write(json.dumps(line) + '\n')
        self._tensorboard().add_scalar('timing/tokens_per_second', tokens / seconds, step)

    def flush(self) -> None:
        """On disk, before a checkpoint of the same step claims so."""
        for file in self.files.values():
            file.flush()
            os.fsync(file.fileno())
        if self.board is not None:
            self.board.flush()

    def close(self) -> None:
        self.flush()
        for file in self.files.values():
            file.close()
        if self.board is not None:
            self.board.close()

    def _tensorboard(self):
        if self.board is None:
            import tensorboardX  # Half a second of imports that should not delay the first step.

            self.board = tensorboardX.SummaryWriter(str(self.folder / 'tb'), purge_step=self.step + 1)
        return self.board


def training_seconds(folder: pathlib.Path) -> float | None:
    """Seconds spent in training steps, over all the times that the run was resumed."""
    path = folder / 'timing.jsonl'
    if not path.exists():
        return None
    return sum(item['seconds'] for _, item in _lines(path))


def _truncate(path: pathlib.Path, step: int) -> None:
    if not path.exists():
        return
    write_atomically(path, ''.join(line + '\n' for line, item in _lines(path) if item['step'] <= step))


def _lines(path: pathlib.Path) -> Iterator[tuple[str, dict]]:
    """Lines and the objects in them, without one that a kill cut off: its step will be computed again."""
    for line in path.read_text('utf-8').splitlines():
        try:
            item = json.loads(line)
        except ValueError:
            continue
        yield line, item


def _finite(value) -> float | None:
    """JSON has no NaN."""
    value = float(value)
    return value if math.isfinite(value) else None
