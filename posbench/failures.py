"""failed.json: why a run has no results, in its folder for as long as it has none. Standard library only.

    {"run": "rope", "kind": "nan", "reason": "loss of seed 0 is nan at step 3; ...", "attempts": 1}

A run says itself that its loss stopped being a number, or that its device has no more memory; what ends a process that
can say nothing is written by the study that started it.
"""

import json
import pathlib
from typing import Any

from posbench.files import write_atomically

NAME = 'failed.json'
# What stands in the cell of a table, by kind.
WORDS = {
    'nan': 'diverged',
    'out of memory': 'out of memory',
    'timeout': 'timeout',
    'killed': 'killed',
    'error': 'failed',
}


def write(folder: pathlib.Path, run: str, kind: str, reason: str, attempts: int = 1) -> None:
    """Says of the run in a folder why it has no results. `kind` is one of WORDS."""
    item = dict(run=run, kind=kind, reason=' '.join(reason.split()), attempts=attempts)
    write_atomically(folder / NAME, json.dumps(item) + '\n')


def read(folder: pathlib.Path) -> dict[str, Any] | None:
    """What a folder's failed.json says; None where there is none that can be read."""
    try:
        item = json.loads((folder / NAME).read_text('utf-8'))
    except (OSError, ValueError):
        return None
    return item if isinstance(item, dict) else None


def forget(folder: pathlib.Path) -> None:
    """Before a run is tried again, and when it has results."""
    (folder / NAME).unlink(missing_ok=True)


def word(item: dict[str, Any]) -> str:
    """What stands in a table; '' for a run that has not failed, but has not been finished either."""
    return WORDS.get(item.get('kind'), '')
