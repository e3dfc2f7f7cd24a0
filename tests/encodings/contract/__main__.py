"""Holds the encoding of a file, with its default options, to the contract, and says what it does not keep.

    python -m tests.encodings.contract path/to/mine.py [--json]

A line a check; with --json an object a line: claims that differ from those of an encoding without hooks, then check,
its sentence, what was found, null where it is kept, and whether that is an error that was raised. Needs no pytest.
Exit code 0: all is kept; 1: something is not; 2: no encoding can be made of the file.
"""

import argparse
import json
import os
import pathlib
import sys

from tests import cheap


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('file', type=pathlib.Path)
    parser.add_argument('--json', action='store_true', help='an object a line')
    flags = parser.parse_args()
    # Before jax is there.
    for name, value in cheap.ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import jax

    from posbench import encodings
    from posbench.encodings import base
    from posbench.knobs import user_file
    from tests.encodings import contract

    jax.config.update('jax_num_cpu_devices', 8)
    try:
        encoding = encodings.build(flags.file.stem, module=str(flags.file))
    except Exception as error:
        print(user_file.blame(error, {str(flags.file)}) or f'{flags.file}: {error}', file=sys.stderr)
        return 2
    if flags.json:
        usual = base.PositionEncoding()
        claimed = {name: getattr(encoding, name) for name in base.CLAIMS}
        claims = {name: value for name, value in claimed.items() if value != getattr(usual, name)}
        print(json.dumps(dict(claims=claims)), flush=True)
    kept = True
    for check in (*contract.CHECKS, contract.options.every_option_changes_something):
        raised = False
        try:
            found = broken(check, encoding)
        # What an encoding raises fails a check just as well.
        except Exception as error:
            found, raised = user_file.blame(error, {str(flags.file)}) or user_file.sentence(error), True
        kept &= found is None
        if flags.json:
            said = dict(check=check.__name__, asks=contract.in_words(check), found=found, raised=raised)
            print(json.dumps(said), flush=True)
        elif found is not None:
            print(f'{contract.in_words(check)}:\n    {found}', flush=True)
        jax.clear_caches()
    if kept and not flags.json:
        print(f'{flags.file}: all {len(contract.CHECKS) + 1} checks are passed.')
    return 0 if kept else 1


def broken(check, encoding) -> str | None:
    """What a check found, in a line; None where the encoding passes it."""
    try:
        check(encoding)
    except AssertionError as error:
        # What follows is the expression, as pytest takes it apart where it runs this.
        return ' '.join(str(error).partition('\nassert ')[0].split()) or 'it is not so'
    return None


if __name__ == '__main__':
    sys.exit(main())
