"""Frequencies of sinusoids and rotations, in float64 NumPy so that position 100,000 still has its angle."""

import jax
import jax.numpy as jnp
import numpy as np


def geometric(theta: float, width: int) -> np.ndarray:
    """omega_c = theta^(-2c/width) for c = 0 .. width/2 - 1, in radians a token (arXiv 1706.03762, section 3.5)."""
    return theta ** (-np.arange(0, width, 2, dtype=np.float64) / width)


def geometric_inclusive(theta: float, width: int) -> np.ndarray:
    """The same from 1 down to exactly 1/theta, as in tensor2tensor's get_timing_signal_1d: exponent c/(width/2 - 1)."""
    half = width // 2
    return theta ** (-np.arange(half, dtype=np.float64) / max(half - 1, 1))


def phases(pos_BL: jax.Array, omega_C: np.ndarray) -> jax.Array:
    """Angles in radians, float32 [B, L, C]."""
    return pos_BL[..., None].astype(jnp.float32) * jnp.asarray(omega_C, jnp.float32)
