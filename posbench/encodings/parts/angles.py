"""Angles of positions, pos * omega less whole turns, to the last bits of float32 wherever the position is.

A float32 product is off by 2^-24 of itself: at position 1,000,000 by some hundredths of a radian. Here a frequency is a
whole number of 2^-32 turns, and the product of whole numbers, an int32, wraps around at whole turns by itself: all that
is left of it is the angle, and nothing was rounded. What the frequency is beside whole units is less than one of them,
so that a float32 product will do.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from posbench.encodings.parts import running

# Radians: 2^-32 turns; and in two parts, so that no angle is off because 2 pi is.
UNIT = 2 * math.pi / 2**32
UNIT_HIGH = np.float32(UNIT)
UNIT_LOW = np.float32(UNIT - np.float64(UNIT_HIGH))


class Frequency(NamedTuple):
    """Radians a token, `omega`, and the same taken apart: whole units, less whole turns, and the rest in radians."""

    omega: jax.Array | np.ndarray
    units: jax.Array | np.ndarray
    rest: jax.Array | np.ndarray


def frequency(omega: np.ndarray | jax.Array | Frequency) -> Frequency:
    """Float32, int32 and float32, of the shape of omega: float64 NumPy, or float32 where it is known only at run time.

    The gradient by omega goes through `omega` and `rest`.
    """
    if isinstance(omega, Frequency):
        return omega
    if isinstance(omega, np.ndarray):
        in_units = omega.astype(np.float64) / UNIT
        units = np.round(in_units)
        rest = np.float32((in_units - units) * UNIT)
        return Frequency(np.float32(omega), (units % 2**32).astype(np.uint32).view(np.int32), rest)
    fixed = jax.lax.stop_gradient(omega)
    in_units, rounded = _product(fixed, 1 / UNIT)
    in_units -= jnp.round(in_units * 2.0**-32) * 2.0**32
    units = jnp.round(in_units)
    # The last term is 0, and has the gradient.
    rest = ((in_units - units) + rounded) * UNIT + (omega - fixed)
    # Half a turn forwards, which no int32 has, is half a turn backwards.
    return Frequency(omega, jnp.where(units < 2.0**31, units, -(2.0**31)).astype(jnp.int32), rest)


def added(*frequencies: Frequency) -> Frequency:
    """The sum of some: one that is known in float64, and what is learned beside it, say."""
    return jax.tree.map(lambda first, *others: sum(others, first), *frequencies)


def angles(pos: jax.Array | running.Total, omega: np.ndarray | jax.Array | Frequency) -> jax.Array:
    """pos * omega less whole turns, in radians, float32 of the shape that the two have together.

    Positions are whole numbers in an int32, or float32 below 2^31, of which whole turns and parts of a token are taken
    one by one: that angle is as exact as the position is; or running sums of such. Gradients are those of the product.
    """
    omega, units, rest = frequency(omega)
    if isinstance(pos, running.Total):
        return angles(pos.sum, Frequency(omega, units, rest)) + pos.rest * omega
    if jnp.issubdtype(pos.dtype, jnp.integer):
        return _of_whole(pos.astype(jnp.int32), units, rest)
    pos = pos.astype(jnp.float32)
    whole = jnp.floor(pos)
    return _of_whole(whole.astype(jnp.int32), units, rest) + (pos - whole) * omega


def waves(pos: jax.Array | running.Total, omega: np.ndarray | jax.Array | Frequency) -> tuple[jax.Array, jax.Array]:
    """(cos, sin) of pos * omega, as `angles` takes them."""
    angle = angles(pos, omega)
    return jnp.cos(angle), jnp.sin(angle)


def _of_whole(pos, units, rest):
    turned = (pos * units).astype(jnp.float32)
    return turned * UNIT_HIGH + (turned * UNIT_LOW + pos.astype(jnp.float32) * rest)


def _product(x: jax.Array, factor: float) -> tuple[jax.Array, jax.Array]:
    """x * factor in float32, and what that rounds away (Dekker 1971): products of 12 bits are exact, fused or not."""
    nearest = np.float32(factor)
    product, (a, b), (c, d) = x * nearest, _halves(x), _halves(nearest)
    return product, (((a * c - product) + a * d + b * c) + b * d) + x * np.float32(factor - np.float64(nearest))


def _halves(x: jax.Array | np.float32) -> tuple[jax.Array, jax.Array]:
    """The upper 12 bits of a float32, and the lower ones."""
    upper = jax.lax.bitcast_convert_type(jax.lax.bitcast_convert_type(x, jnp.int32) & -(2**12), jnp.float32)
    return upper, x - upper
