"""What counts as the same number, and what as another."""

from collections.abc import Callable

import jax
import numpy as np

# Logits have standard deviation 1. Two orders of the same float32 sums differ by less than SAME; what is meant to
# matter moves some logit by more than DIFFERENT.
SAME, DIFFERENT = 5e-5, 1e-2
# bfloat16 has 8 bits: relative steps of 2^-8. Root mean square error of the logits, relative to the logits.
BFLOAT16 = 0.03


def same(got, wanted, what: str, tolerance: float = SAME, axes: tuple[str, ...] = ('row', 'token', 'number')):
    """Raises unless both are finite and equal up to rounding; says where the first difference is, and the largest one.

    `axes` are the names of the last axes, for the message.
    """
    __tracebackhide__ = True
    got, wanted = np.asarray(got, np.float32), np.asarray(wanted, np.float32)
    assert np.isfinite(wanted).all(), f'{what}: {_at(~np.isfinite(wanted), axes)} is not finite'
    assert got.shape == wanted.shape, f'{what}: got shape {got.shape}, wanted {wanted.shape}'
    apart = np.abs(got - wanted)
    bad = ~(apart <= tolerance)
    if bad.any():
        at = np.unravel_index(bad.argmax(), bad.shape)
        raise AssertionError(
            f'{what}: {bad.sum()} of {bad.size} numbers differ by more than {tolerance:.1g}, the first at '
            f'{_at(bad, axes)}: got {got[at]:.6g}, wanted {wanted[at]:.6g}; the largest difference is {apart.max():.2g}'
        )


def different(got, wanted, what: str, axes: tuple[str, ...] = ('row', 'token', 'number')):
    """Raises unless something moved by much more than rounding."""
    __tracebackhide__ = True
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert np.isfinite(got).all(), f'{what}: {_at(~np.isfinite(got), axes)} is not finite'
    moved = np.abs(got - wanted).max()
    assert moved > DIFFERENT, f'{what}: nothing moved by more than {moved:.2g}, wanted {DIFFERENT}'


def refused(function: Callable[[], object], what: str, words: str = ''):
    """Raises unless the function raises a TypeError or ValueError that has these words in it."""
    try:
        function()
    except (TypeError, ValueError) as error:
        assert words in str(error), f'{what} is refused, but not by {words!r}: {error}'
        return
    raise AssertionError(f'{what} is taken, wanted an error')


def _at(chosen, axes: tuple[str, ...]) -> str:
    """Where the first of the chosen numbers is, in words."""
    index = [int(number) for number in np.unravel_index(chosen.argmax(), chosen.shape)]
    if len(index) > len(axes):
        return str(index)
    return ', '.join(f'{name} {number}' for name, number in zip(axes[len(axes) - len(index) :], index)) or 'it'


def same_trees(got, wanted, what: str):
    """Raises unless all leaves are equal, relative to the largest number of each leaf."""
    jax.tree_util.tree_map_with_path(
        lambda path, x, y: same(x, y, f'{what}: {jax.tree_util.keystr(path)}', SAME * max(1e-3, np.abs(y).max()), ()),
        got,
        wanted,
    )
