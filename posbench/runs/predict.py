"""`--mode=predict`: the class of each line of a text, or the tags of its words, one line of JSON for each."""

import json
import pathlib
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

from posbench.knobs.kinds import UsageError
from posbench.runs import console, pipeline
from posbench.training import tags


def show(run: pipeline.Pipeline, path: pathlib.Path | None, quiet: bool) -> int:
    """Prints what is said of every line of a file, or of standard input, in its order; returns the exit code.

    {"label": "positive", "probabilities": {"negative": 0.08, "positive": 0.92}}; null and {} of an empty line. Where
    words are told apart, {"words": ["a", "gem"], "tags": ["DET", "NOUN"], "probabilities": [0.99, 0.97]}. Lines are
    answered as they come, some at once; one that is no UTF-8 ends it, after those before it.
    """
    try:
        run.check(['classes', 'tags'], 'predict')
        says = run.tag if run.job.task.says == 'tags' else run.predict
        for texts in lines(path):
            for found in says(texts):
                print(json.dumps(_rounded(found._asdict()), ensure_ascii=False))
            sys.stdout.flush()
    except UsageError as error:
        return console.fail(str(error), 2)
    if not quiet:
        print(summary(run), file=sys.stderr)
    return 0


def _rounded(value: Any) -> Any:
    """With six digits after the point of every number, about as many as a float32 has."""
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return round(value, 6) if isinstance(value, float) else value


def lines(path: pathlib.Path | None) -> Iterator[list[str]]:
    """Lines of a file, or of standard input, without their ends, as many at once as are read at once.

    UsageError for a line that is no UTF-8.
    """
    if path is not None:
        with path.open('rb') as file:
            yield from _lines(file, f'--input: {path}', tags.ROWS)
    else:
        # A person wants an answer to each line.
        yield from _lines(sys.stdin.buffer, 'standard input', 1 if sys.stdin.isatty() else tags.ROWS)


def _lines(file: BinaryIO, name: str, most: int) -> Iterator[list[str]]:
    waiting = []
    for number, line in enumerate(file, start=1):
        try:
            # A byte-order mark belongs to no text.
            waiting.append(line.decode('utf-8-sig' if number == 1 else 'utf-8').rstrip('\r\n'))
        except UnicodeDecodeError as error:
            if waiting:
                yield waiting
            raise UsageError(
                f'{name}: line {number} is no UTF-8, byte {error.start + 1} of it is 0x{line[error.start]:02x}'
            ) from None
        if len(waiting) == most:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def summary(run: pipeline.Pipeline) -> str:
    """What was read, in a line."""
    read = run.read
    cut = f', {read.cut:,} of them cut at config.train.length = {run.job.schedule.length}' if read.cut else ''
    said = f'Texts: {read.texts:,}{cut}'
    said += f'. Tokens: {read.tokens:,}' + (f', {read.unknown:,} of them unknown' if read.unknown else '')
    return said + (f'. Seeds: {len(run.job.seeds)}.' if len(run.job.seeds) > 1 else '.')
