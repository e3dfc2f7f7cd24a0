"""What runs along a sequence: sums, maxima and short convolutions of the tokens so far, within their segments.

Tokens come in the order in which they are stored; padding counts as nothing.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from posbench.encodings.base import Order
from posbench.ops import products

# Numbers that `above` adds up at a time.
FEW = 16


def _expand(x, like):
    return x.reshape(*x.shape, *(1,) * (like.ndim - x.ndim))


def real(order: Order, like: jax.Array) -> jax.Array:
    """True for tokens, False for padding: [B or 1, M, 1, ...], to be used beside `like`."""
    if order.segment_BL is None:
        return jnp.ones((1,) * like.ndim, bool)
    return _expand(order.segment_BL >= 0, like)


def first(order: Order) -> jax.Array:
    """Where the first token of each token's segment is stored, int32 [B or 1, M]."""
    if order.segment_BL is None:
        return jnp.zeros_like(order.index_BL)
    place_BM = jnp.broadcast_to(jnp.arange(order.segment_BL.shape[1], dtype=jnp.int32), order.segment_BL.shape)
    return jax.lax.cummax(jnp.where(_starts(order.segment_BL), place_BM, 0), axis=1)


def _starts(segment_BM: jax.Array) -> jax.Array:
    changes_BM = segment_BM[:, 1:] != segment_BM[:, :-1]
    return jnp.concatenate([jnp.ones_like(segment_BM[:, :1], bool), changes_BM], axis=1)


class Total(NamedTuple):
    """A sum as two float32 numbers, of which the second one is what the first one rounds away."""

    sum: jax.Array
    rest: jax.Array


def total(x_BM: jax.Array, order: Order) -> Total:
    """Sums over a token and all before it in its segment, [B, M, ...], good to 2^-40 of the largest one so far.

    So two of them that are far from 0 still know what lies between them. The gradient goes through `sum`.
    """
    x_BM = jnp.where(real(order, x_BM), x_BM.astype(jnp.float32), 0.0)
    sum_BM = _added_up(x_BM, order)
    # In whatever order they were added: each number less the step that the sums made for it, itself without rounding.
    x_BM, here_BM = jax.lax.stop_gradient((x_BM, sum_BM))
    step_BM, lost_BM = _exact_difference(here_BM, before(here_BM, order, 1))
    return Total(sum_BM, _added_up((x_BM - step_BM) - lost_BM, order))


def between(later: Total, earlier: Total) -> jax.Array:
    """The difference of two totals, float32: what was added after the earlier one, up to the later one."""
    return (later.sum - earlier.sum) + (later.rest - earlier.rest)


def _exact_difference(x, y):
    """x - y rounded, and what that leaves out (Knuth)."""
    difference = x - y
    of_y = difference - x
    return difference, (x - (difference - of_y)) - (y + of_y)


def _added_up(x_BM, order):
    if order.segment_BL is None:
        return jnp.cumsum(x_BM, axis=1)
    # Starting anew with each segment keeps a long stream of documents as precise as a short one.
    return _scan(jnp.add, x_BM, order)


def above(x_M: jax.Array) -> jax.Array:
    """Of the last axis, for each number the sum of all after it, float32.

    As two products with triangles of ones, within a few numbers and of the sums of such: on a CPU that takes a third of
    the time of `cumsum` and its gradient.
    """
    length = x_M.shape[-1]
    few = min(FEW, length)
    x_M = jnp.pad(x_M.astype(jnp.float32), [(0, 0)] * (x_M.ndim - 1) + [(0, -length % few)])
    x_NF = x_M.reshape(*x_M.shape[:-1], -1, few)
    within_NF = products.exact(x_NF, jnp.tri(few, k=-1))
    # Sums as a product too: the gradient of picking one of a few is an array of zeros around it.
    sums_N = products.exact(x_NF, jnp.ones((few, 1)))[..., 0]
    later_N = products.exact(sums_N, jnp.tri(sums_N.shape[-1], k=-1))
    return (within_NF + later_N[..., None]).reshape(x_M.shape)[..., :length]


@jax.custom_jvp
def log_sigmoid(x: jax.Array) -> jax.Array:
    """jax.nn.log_sigmoid, as precise; on a CPU it takes half the time and its gradient a fifth."""
    small = jnp.exp(-jnp.abs(x))
    # log(1 + small) = 2 artanh(part) with part <= 1/3: the next term of the series is below 1.4e-9 of the sum.
    part = small / (2 + small)
    square = jnp.square(part)
    series = functools.reduce(lambda total, n: total * square + 1 / n, range(13, 0, -2), 1 / 15)
    return jnp.minimum(x, 0.0) - 2 * part * series


@log_sigmoid.defjvp
def _log_sigmoid_tangent(primals, tangents):
    return log_sigmoid(*primals), jax.nn.sigmoid(-primals[0]) * tangents[0]


def maximum_of_segment(x_BM: jax.Array, order: Order) -> jax.Array:
    """The largest x of the token's whole segment, before and after it; 0 for padding. x >= 0."""
    x_BM = jnp.where(real(order, x_BM), x_BM, 0)
    if order.segment_BL is None:
        return jnp.broadcast_to(x_BM.max(axis=1, keepdims=True), x_BM.shape)
    backward = Order(order.index_BL[:, ::-1], order.segment_BL[:, ::-1])
    after = _scan(jnp.maximum, jnp.broadcast_to(x_BM, jnp.broadcast_shapes(x_BM.shape, order.segment_BL.shape)), order)
    return _scan(jnp.maximum, after[:, ::-1], backward)[:, ::-1]


def _scan(combine: Callable, x_BM: jax.Array, order: Order) -> jax.Array:
    """An inclusive scan along the tokens that starts anew with each segment."""
    segment_BM = order.segment_BL
    starts_BM = _starts(segment_BM)
    shape = jnp.broadcast_shapes(x_BM.shape[:2], segment_BM.shape)
    x_BM = jnp.broadcast_to(x_BM, (*shape, *x_BM.shape[2:]))
    starts_BM = jnp.broadcast_to(starts_BM, shape)

    def join(left, right):
        (x, start_x), (y, start_y) = left, right
        return jnp.where(_expand(start_y, y), y, combine(x, y)), start_x | start_y

    return jax.lax.associative_scan(join, (x_BM, starts_BM), axis=1)[0]


def before(x_BM: jax.Array, order: Order, steps: int) -> jax.Array:
    """Each token's neighbour `steps` places earlier in its segment (later, if negative); 0 where there is none."""
    if steps == 0:
        return jnp.where(real(order, x_BM), x_BM, 0)
    moved_BM = jnp.roll(x_BM, steps, axis=1)
    place_M = jnp.arange(x_BM.shape[1])
    inside_BM = ((place_M >= steps) & (place_M < x_BM.shape[1] + steps))[None]
    if order.segment_BL is not None:
        segment_BM = order.segment_BL
        inside_BM = inside_BM & (jnp.roll(segment_BM, steps, axis=1) == segment_BM) & (segment_BM >= 0)
    return jnp.where(_expand(inside_BM, x_BM), moved_BM, 0)


def convolve(x_BMC: jax.Array, kernel_NC: jax.Array, order: Order) -> jax.Array:
    """A causal convolution of each channel by itself: sum over n of kernel[n] x[m - n], in the dtype of x.

    Row 0 of the kernel meets the token itself. (The weight of a PyTorch Conv1d has it last.)
    """
    kernel_NC = kernel_NC.astype(x_BMC.dtype)
    return sum(before(x_BMC, order, n) * kernel_NC[n] for n in range(kernel_NC.shape[0]))
