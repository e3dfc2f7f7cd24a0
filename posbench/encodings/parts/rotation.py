"""Turning pairs of channels, for encodings that rotate queries and keys.

A pair is channels c and c + K/2 in the layout 'half', 2c and 2c + 1 in the layout 'interleaved'.
"""

import jax
import jax.numpy as jnp
import numpy as np

from posbench.encodings import base
from posbench.ops import broadcast


def turn(x_BLHK: jax.Array, cos_BLHC: jax.Array, sin_BLHC: jax.Array, layout: str = 'half') -> jax.Array:
    """Each pair (a, b) becomes (a cos - b sin, b cos + a sin), in the dtype of x; H may be 1 in cos and sin."""
    # Rotated in float32 and cast afterwards: a bfloat16 angle is off by whole radians at position 4096.
    x = x_BLHK.astype(jnp.float32)
    if layout == 'half':
        a, b = jnp.split(x, 2, axis=-1)
        turned = jnp.concatenate([a * cos_BLHC - b * sin_BLHC, b * cos_BLHC + a * sin_BLHC], axis=-1)
    else:
        a, b = x[..., 0::2], x[..., 1::2]
        turned = jnp.stack([a * cos_BLHC - b * sin_BLHC, b * cos_BLHC + a * sin_BLHC], axis=-1).reshape(x.shape)
    return turned.astype(x_BLHK.dtype)


def turn_shared(x_BLHK: jax.Array, turns: tuple[jax.Array, jax.Array], layout: str = 'half') -> jax.Array:
    """`turn` by a (cos, sin) with gradients, of which rows or heads may share one: B and H may be 1."""
    shape = (*x_BLHK.shape[:3], x_BLHK.shape[-1] // 2)
    return turn(x_BLHK, *(broadcast.spread(part, shape) for part in turns), layout)


def added(a: tuple[jax.Array, jax.Array], b: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
    """(cos, sin) of the sum of two angles that are given as (cos, sin).

    Exact where the sum itself is not: a small angle beside one of a thousand radians would be rounded away.
    """
    return a[0] * b[0] - a[1] * b[1], a[1] * b[0] + a[0] * b[1]


@jax.custom_vjp
def learned_waves(angle_BLHC: jax.Array) -> tuple[jax.Array, jax.Array]:
    """(cos, sin) of angles that are known only at run time, made once for all that read them.

    The gradient needs nothing but these values. Forward-mode differentiation is not defined.
    """
    wave_BLHC = broadcast.made_once(lambda angle: jnp.exp(1j * angle), angle_BLHC)
    return wave_BLHC.real, wave_BLHC.imag


def _learned_waves_forward(angle_BLHC):
    waves = learned_waves(angle_BLHC)
    return waves, waves


def _learned_waves_backward(waves, d):
    cos_BLHC, sin_BLHC = waves
    d_cos_BLHC, d_sin_BLHC = d
    return (cos_BLHC * d_sin_BLHC - sin_BLHC * d_cos_BLHC,)


learned_waves.defvjp(_learned_waves_forward, _learned_waves_backward)


def coordinates(pos_BLA: jax.Array, axis_C: np.ndarray, axes: int) -> jax.Array:
    """The coordinate of each token that turns each pair, [B, L, 1, C], by the number of its axis."""
    parts = (jnp.where(axis_C == axis, base.axis(pos_BLA, axis, axes)[..., None], 0) for axis in range(axes))
    return sum(parts)[:, :, None, :]
