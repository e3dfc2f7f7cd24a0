"""What counts as the same number, and what as another."""

import jax
import numpy as np

# Logits have standard deviation 1. Two orders of the same float32 sums differ by less than SAME; what is meant to
# matter moves some logit by more than DIFFERENT.
SAME, DIFFERENT = 5e-5, 1e-2
# bfloat16 has 8 bits: relative steps of 2^-8. Root mean square error of the logits, relative to the logits.
BFLOAT16 = 0.03


def same(got, wanted, what: str, tolerance: float = SAME):
    """Raises unless both are finite and equal up to rounding."""
    got, wanted = np.asarray(got, np.float32), np.asarray(wanted, np.float32)
    assert np.isfinite(wanted).all(), f'{what}: not finite'
    np.testing.assert_allclose(got, wanted, rtol=0, atol=tolerance, err_msg=what)


def different(got, wanted, what: str):
    """Raises unless something moved by much more than rounding."""
    assert np.isfinite(got).all(), f'{what}: not finite'
    assert np.abs(np.asarray(got) - wanted).max() > DIFFERENT, what


def same_trees(got, wanted, what: str):
    """Raises unless all leaves are equal, relative to the largest number of each leaf."""
    jax.tree_util.tree_map_with_path(
        lambda path, x, y: same(x, y, f'{what}: {jax.tree_util.keystr(path)}', SAME * max(1e-3, np.abs(y).max())),
        got,
        wanted,
    )
