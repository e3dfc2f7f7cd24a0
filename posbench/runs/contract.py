"""The contract of encodings, asked of a file in a process of its own: what it does not keep, in words."""

import json
import pathlib
import subprocess
import sys
from typing import NamedTuple

from posbench.files import write_atomically
from posbench.knobs.kinds import UsageError
from posbench.knobs.user_file import ROOT
from posbench.report.submission import CONTRACT

COMMAND = ('-m', 'tests.encodings.contract')


class Check(NamedTuple):
    """What is asked, as a sentence, and what was found instead; None where it is kept.

    `raised`: what was found is an error that the encoding raised, which says nothing of what is asked.
    """

    asks: str
    found: str | None
    raised: bool


def hold(file: pathlib.Path, folder: pathlib.Path) -> list[Check]:
    """Every check of the encoding in a file; contract.json in the folder then has them, and what the encoding claims.

    UsageError, one line, where no encoding can be made of the file, or the checks cannot be run.
    """
    command = [sys.executable, *COMMAND, str(file.resolve()), '--json']
    checks: list[Check] = []
    claims: dict[str, object] = {}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            said = json.loads(line)
            if 'claims' in said:
                claims = said['claims']
            else:
                checks.append(Check(said['asks'], said['found'], said['raised']))
        errors = process.stderr.read()
    if process.returncode not in (0, 1) or not checks:
        last = (errors.strip() or 'no output').splitlines()[-1]
        raise UsageError(last if process.returncode == 2 else f'{file}: the contract could not be asked: {last}')
    item = dict(claims=claims, checks=[check._asdict() for check in checks])
    write_atomically(folder / CONTRACT, json.dumps(item, indent=2, ensure_ascii=False) + '\n')
    return checks


def broken(checks: list[Check]) -> list[Check]:
    """Those that are not kept."""
    return [check for check in checks if check.found is not None]
