"""Turning pairs of channels, for encodings that rotate queries and keys.

A pair is channels c and c + K/2 in the layout 'half', 2c and 2c + 1 in the layout 'interleaved'.
"""

import math

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


def waves(pos: jax.Array, omega: np.ndarray | jax.Array) -> tuple[jax.Array, jax.Array]:
    """(cos, sin) of pos * omega in float32, element by element, of omegas as `angles` takes them."""
    return added(*((jnp.cos(angle), jnp.sin(angle)) for angle in angles(pos, omega)))


def angles(pos: jax.Array, omega: np.ndarray | jax.Array) -> tuple[jax.Array, jax.Array]:
    """Two float32 numbers whose sum is pos * omega; omega is float64 NumPy, or float32 where it is learned.

    A float32 product is off by 2^-24 of itself, which here is an angle of many radians. So each frequency is taken in
    two parts: 12 bits, whose product with a position below 4096 is exact, and the rest.
    """
    pos = pos.astype(jnp.float32)
    if isinstance(omega, np.ndarray):
        high = (omega.astype(np.float32).view(np.int32) & -(2**12)).view(np.float32)
        low = (omega - high).astype(np.float32)
    else:
        # The gradient goes through the low part, of which the high one is a constant.
        bits = jax.lax.bitcast_convert_type(jax.lax.stop_gradient(omega), jnp.int32)
        high = jax.lax.bitcast_convert_type(bits & -(2**12), jnp.float32)
        low = omega - high
    return pos * high, pos * low


def learned_waves(*angle_BLHC: jax.Array) -> tuple[jax.Array, jax.Array]:
    """(cos, sin) of a sum of angles that are known only at run time, as `added` would give them, made once for all.

    The gradient needs nothing but these values. Forward-mode differentiation is not defined.
    """
    # A list with some versions of jax, a tuple with others.
    return _learned_waves(tuple(jnp.broadcast_arrays(*angle_BLHC)))


@jax.custom_vjp
def _learned_waves(angle_BLHC):
    wave_BLHC = broadcast.made_once(lambda *some: math.prod(jnp.exp(1j * angle) for angle in some), *angle_BLHC)
    return wave_BLHC.real, wave_BLHC.imag


def _learned_waves_forward(angle_BLHC):
    cos_BLHC, sin_BLHC = _learned_waves(angle_BLHC)
    return (cos_BLHC, sin_BLHC), (cos_BLHC, sin_BLHC, (None,) * len(angle_BLHC))


def _learned_waves_backward(kept, d):
    cos_BLHC, sin_BLHC, each = kept
    d_cos_BLHC, d_sin_BLHC = d
    return (tuple(cos_BLHC * d_sin_BLHC - sin_BLHC * d_cos_BLHC for _ in each),)


_learned_waves.defvjp(_learned_waves_forward, _learned_waves_backward)


def coordinates(pos_BLA: jax.Array, axis_C: np.ndarray, axes: int) -> jax.Array:
    """The coordinate of each token that turns each pair, [B, L, 1, C], by the number of its axis."""
    parts = (jnp.where(axis_C == axis, base.axis(pos_BLA, axis, axes)[..., None], 0) for axis in range(axes))
    return sum(parts)[:, :, None, :]
