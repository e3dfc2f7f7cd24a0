"""The list of all checks, to which each file of this folder adds its own."""

from collections.abc import Callable

from posbench.encodings import base

Check = Callable[[base.PositionEncoding], None]
CHECKS: list[Check] = []
# Those of them that the default tier asks of one encoding of each kind of cache: dear, and much like others.
OF_CACHES: list[Check] = []


def check(function: Check) -> Check:
    """Adds a function of an encoding that raises AssertionError where the encoding is not as its name says."""
    CHECKS.append(function)
    return function


def check_of_caches(function: Check) -> Check:
    """Adds one that the default tier asks of fewer encodings."""
    OF_CACHES.append(function)
    return check(function)


def in_words(check: Check) -> str:
    """What a check asks of an encoding, as a sentence: its name."""
    return check.__name__.replace('_', ' ')
