"""`--submit=FILE`: the encoding of a file through the contract and the mini benchmark, and a verdict in words.

Nothing is trained that does not keep the contract: an encoding that lets a token read later ones has no score. Model,
data, steps, learning rate, seeds and lengths are those of experiments/mini.py, whatever the file says. The same command
again goes on where it was.
"""

import dataclasses
import pathlib

from posbench.knobs import user_file
from posbench.knobs.kinds import UsageError, show
from posbench.runs import console, contract, experiment, locks, plan, study

SUITE = user_file.ROOT / 'experiments' / 'mini.py'


def run(request) -> int:
    """Returns the exit code: 1 where the encoding does not keep the contract, or a run of it failed."""
    file, folder = request.submit, request.workdir
    source = _suite(file)
    # All configs are checked before anything runs; what the file itself is wrong about is said by the contract.
    runs = plan.make(source, request)
    with locks.usable(folder, 'the folder of a submission'):
        folder.mkdir(parents=True, exist_ok=True)
    if not request.quiet:
        print(f'{file.stem}: is it an encoding? The contract, some minutes.', flush=True)
    checks = contract.hold(file, folder)
    code = 0
    if not contract.broken(checks):
        code = study.go(source, runs, runs, request)
        if code > 1:
            return code
    return _conclude(file, folder) or code


def _suite(file: pathlib.Path) -> experiment.Experiment:
    """The mini benchmark with the encoding of a file in the place of the shipped ones."""
    label, suite = file.stem, user_file.load(SUITE)
    if label in suite['ENCODINGS']:
        raise UsageError(f'--submit: {file} is called as a shipped encoding, {show(label)}; wanted another name')
    found = experiment.load(SUITE)
    runs = tuple(suite['of'](label, {'encoding.name': label, 'encoding.module': str(file.resolve())}))
    return dataclasses.replace(found, runs=runs, judge=None)


def _conclude(file: pathlib.Path, folder: pathlib.Path) -> int:
    """The verdict, printed and on a page."""
    from posbench import report
    from posbench.report import submission

    try:
        verdict = submission.build(file.stem, folder, SUITE.parent / 'results' / SUITE.stem)
    except report.ReportError as error:
        return console.fail(str(error), 1)
    print(verdict.text)
    return 0 if verdict.is_ranked else 1
