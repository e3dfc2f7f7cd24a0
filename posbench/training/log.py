"""The files that hold what was measured while a run went on."""

import hashlib
import json
import math
import os
import pathlib
import socket
import struct
import time
from typing import Any

import numpy as np

from posbench import files, manifest

NAMES = ('metrics.jsonl', 'timing.jsonl')


class Log:
    """metrics.jsonl, timing.jsonl and TensorBoard events of one run. A context manager that closes them.

    metrics.jsonl holds only what the run computes, so that a resumed run ends with the same bytes; how fast this
    machine was stands in timing.jsonl. Every method raises OSError with the name of the file.
    """

    def __init__(self, folder: pathlib.Path, step: int):
        """Opens the files to go on after `step`; what follows its last line, written before a kill, is cut off."""
        self.files = {name: _Appended(folder / name) for name in NAMES}
        for file in self.files.values():
            file.cut(step)
        self.board = _Board(folder / 'tb', purge_step=step + 1)

    def metrics(self, step: int, split: str, seeds, values: dict[str, np.ndarray]) -> None:
        """Writes one line for each name and seed; `values[name]` has one number a seed."""
        lines, scalars = [], {}
        for name, of_seeds in values.items():
            for seed, value in zip(seeds, of_seeds):
                lines.append(dict(step=step, split=split, name=name, value=_finite(value), seed=seed))
                scalars[f'{split}/{name}/seed_{seed}'] = float(value)
        self.files['metrics.jsonl'].write(lines)
        self.board.write(step, scalars)

    def timing(self, step: int, unit: str, count: float, seconds: float, parts: dict[str, float] | None = None) -> None:
        """Writes how many of a unit, such as 'tokens', the last steps took a second.

        `parts`: seconds since the line before by what they went into, as clock.py has them. A checkpoint is among those
        of the line after it, because it promises that all lines up to its step are written.
        """
        name, rate = f'{unit}_per_second', count / seconds
        parts = parts or {}
        self.files['timing.jsonl'].write([{'step': step, name: rate, 'seconds': seconds, **parts}])
        self.board.write(step, {f'timing/{name}': rate} | {f'timing/{part}': took for part, took in parts.items()})

    def flush(self) -> dict[str, dict]:
        """On disk, before a checkpoint of the same step claims so; what that has to say of the files, for `check`."""
        self.board.flush()
        return {name: file.flush() for name, file in self.files.items()}

    def close(self) -> None:
        for file in (*self.files.values(), self.board):
            file.close()

    def __enter__(self) -> 'Log':
        return self

    def __exit__(self, *_) -> None:
        self.close()


def check(folder: pathlib.Path, said: dict[str, dict]) -> None:
    """Raises manifest.Damaged where the files do not begin with what `Log.flush` has said of them."""
    for name, wanted in said.items():
        try:
            with (folder / name).open('rb') as file:
                data = file.read(wanted['size'])
        except OSError as error:
            raise manifest.Damaged(
                f'{name}, which only --resume=anyway does without: {error.strerror or error}'
            ) from error
        if len(data) < wanted['size']:
            raise manifest.Damaged(
                f'{name}, which only --resume=anyway does without, has {len(data)} bytes, not {wanted["size"]}'
            )
        if hashlib.sha256(data).hexdigest() != wanted['sha256']:
            raise manifest.Damaged(f'{name}, which only --resume=anyway does without, does not match its SHA-256')


def training_seconds(folder: pathlib.Path) -> float | None:
    """Seconds spent in training steps, over all the times that the run was resumed; None where that is not known."""
    try:
        # Behind the last newline is nothing, or what a kill has cut off.
        *lines, _ = (folder / 'timing.jsonl').read_bytes().split(b'\n')
        return sum(json.loads(line)['seconds'] for line in lines)
    except (OSError, ValueError, KeyError, TypeError):
        return None


class _Appended:
    """A file of JSON lines that grows, and what it holds so far as a hash. Without a buffer; see files.write_whole."""

    def __init__(self, path: pathlib.Path):
        self.path = path
        with files.naming(path):
            self.file = path.open('a+b', buffering=0)
        self.size, self.sha256 = 0, hashlib.sha256()

    def cut(self, step: int) -> None:
        """Keeps the lines up to a step, which are those at the beginning."""
        with files.naming(self.path):
            self.file.seek(0)
            for line in self.file.read().splitlines(keepends=True):
                if not _is_up_to(line, step):
                    break
                self._count(line)
            self.file.truncate(self.size)

    def write(self, lines: list[dict[str, Any]]) -> None:
        data = ''.join(json.dumps(line) + '\n' for line in lines).encode()
        with files.naming(self.path):
            files.write_whole(self.file, data)
        self._count(data)

    def flush(self) -> dict[str, Any]:
        with files.naming(self.path):
            os.fsync(self.file.fileno())
        return dict(size=self.size, sha256=self.sha256.hexdigest())

    def close(self) -> None:
        self.file.close()

    def _count(self, data: bytes) -> None:
        self.size += len(data)
        self.sha256.update(data)


class _Board:
    """TensorBoard events, in one file for each time that a run is resumed.

    Written by whoever calls. tensorboardX has a thread for it, which dies with a full disk, and then waits for ever to
    hand it the next event.
    """

    def __init__(self, folder: pathlib.Path, purge_step: int):
        self.folder, self.purge_step = folder, purge_step
        self.file = None

    def write(self, step: int, scalars: dict[str, float]) -> None:
        from tensorboardX.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        if self.file is None:
            self._open()
        self._event(step=step, summary=Summary(value=values))

    def flush(self) -> None:
        if self.file is not None:
            with files.naming(self.path):
                os.fsync(self.file.fileno())

    def close(self) -> None:
        if self.file is not None:
            self.file.close()

    def _open(self) -> None:
        """With the first event: half a second of imports should not delay the first step."""
        from tensorboardX.proto.event_pb2 import SessionLog

        # The names that TensorBoard looks for; two of one second are of two processes.
        self.path = self.folder / f'events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{os.getpid()}'
        with files.naming(self.folder):
            self.folder.mkdir(exist_ok=True)
        with files.naming(self.path):
            self.file = self.path.open('ab', buffering=0)
        self._event(file_version='brain.Event:2')
        # What was written of these steps before a kill is hidden.
        self._event(step=self.purge_step, session_log=SessionLog(status=SessionLog.START))

    def _event(self, **fields) -> None:
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.record_writer import masked_crc32c

        data = Event(wall_time=time.time(), **fields).SerializeToString()
        length = struct.pack('<Q', len(data))
        checks = [struct.pack('<I', masked_crc32c(part)) for part in (length, data)]
        with files.naming(self.path):
            files.write_whole(self.file, length + checks[0] + data + checks[1])


def _is_up_to(line: bytes, step: int) -> bool:
    """Whether it is a whole line of such a step; a kill cuts the last one off."""
    try:
        return line.endswith(b'\n') and json.loads(line)['step'] <= step
    except (ValueError, KeyError, TypeError):
        return False


def _finite(value) -> float | None:
    """JSON has no NaN."""
    value = float(value)
    return value if math.isfinite(value) else None
