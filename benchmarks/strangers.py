"""Holds encodings that are wrong, each in another way, to the contract, and says which checks notice it.

    python -m benchmarks.strangers [--shipped] [STRANGER ...]

Prints a markdown table: an encoding of tests/encodings/strangers/ a line, what is wrong with it, and the checks that
notice. Each file has beside it what was meant, which no check may notice. `--shipped` asks the same of all encodings of
the package, which takes about ten minutes.

Exit code 0 if every stranger is noticed by the checks that its test names, and nothing that is right by any.
"""

import argparse
import collections
import gc
import sys
import warnings
from collections.abc import Iterator

import jax

import tests.conftest  # noqa: F401 (compiles cheaply)
from posbench import encodings
from posbench.encodings import base
from tests.encodings import contract, strangers, test_contract


def noticing(encoding: base.PositionEncoding, others: dict | None = None) -> Iterator[str]:
    """Names of the checks that an encoding does not pass; `others` has values for its options."""
    for check in contract.CHECKS:
        try:
            check(encoding)
        # What an encoding raises fails a test just as well.
        except Exception:
            yield check.__name__
    try:
        contract.options.every_option_changes_something(encoding, others)
    except Exception:
        yield contract.options.every_option_changes_something.__name__
    jax.clear_caches()
    gc.collect()


def shipped() -> dict[str, list[str]]:
    """The checks that notice each encoding of the package."""
    found = {}
    for name in encodings.names():
        found[name] = list(noticing(test_contract.as_its_oracle_asks(encodings.build(name)), {}))
        print(f'{name}: {", ".join(found[name]) or "not noticed"}', file=sys.stderr, flush=True)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('strangers', nargs='*', help='default: all')
    parser.add_argument('--shipped', action='store_true', help='ask the same of all encodings of the package')
    flags = parser.parse_args()
    warnings.filterwarnings('ignore')
    good, by_check, right = True, collections.Counter(), 0
    print('| stranger | what is wrong | checks that notice | what was meant |')
    print('| --- | --- | --- | --- |')
    names = flags.strangers or strangers.names()
    for name in names:
        wrong, meant = (list(noticing(encoding)) for encoding in strangers.both(name))
        by_check.update(wrong)
        right += not meant
        good &= not meant and set(strangers.NOTICED[name]) <= set(wrong)
        said = ', '.join(sentence.replace('_', ' ') for sentence in wrong) or 'none'
        doubt = ', '.join(sentence.replace('_', ' ') for sentence in meant) or 'not noticed'
        print(f'| {name} | {strangers.what_is_wrong(name)} | {said} | {doubt} |', flush=True)
    print(f'\n{len(by_check)} checks notice something; {right} of {len(names)} that are right are noticed by none.')
    if flags.shipped:
        found = shipped()
        noticed = [name for name, checks in found.items() if checks]
        good &= not noticed
        print(
            f'Of the encodings of the package {len(noticed)} of {len(found)} are noticed{": " * bool(noticed)}'
            f'{", ".join(noticed)}.'
        )
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
