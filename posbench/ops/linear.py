"""Linear layers whose weight gradient suits XLA on CPUs.

Autodiff forms the gradient of x W as (dy^T x)^T. XLA:CPU then transposes dy while it computes it, one element at a
time, fused with the derivative of the activation: a fifth of a training step. Written as x^T dy, with dy finished
first, the same product needs a plain transpose of x. The values are the same to the last bits of a sum.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp


def layer(features: int | tuple[int, ...], dtype: jnp.dtype, *, use_bias: bool = False, **fields) -> nn.DenseGeneral:
    """A dense layer, by default without bias and from the last axis to `features`; other fields as in linen."""
    return nn.DenseGeneral(features, use_bias=use_bias, dtype=dtype, dot_general=dot_general, **fields)


@jax.custom_vjp
def _matmul(x_ND: jax.Array, w_DF: jax.Array) -> jax.Array:
    return jnp.dot(x_ND, w_DF)


def _forward(x_ND, w_DF):
    return _matmul(x_ND, w_DF), (x_ND, w_DF)


def _backward(residuals, dy_NF):
    x_ND, w_DF = residuals
    # Elsewhere XLA may go on to fuse what makes dy into the products.
    dy_NF = jax.lax.platform_dependent(dy_NF, cpu=jax.lax.optimization_barrier, default=lambda dy_NF: dy_NF)
    dx_ND = jax.lax.dot_general(dy_NF, w_DF, (((1,), (1,)), ((), ())))
    dw_DF = jax.lax.dot_general(x_ND, dy_NF, (((0,), (0,)), ((), ())))
    return dx_ND, dw_DF


_matmul.defvjp(_forward, _backward)


def matmul(x: jax.Array, w_DF: jax.Array) -> jax.Array:
    """[..., D] times [D, F], with the gradient of the layers above."""
    return dot_general(x, w_DF, (((x.ndim - 1,), (0,)), ((), ())))


def dot_general(x, w, dimension_numbers, precision=None, preferred_element_type=None) -> jax.Array:
    """`jax.lax.dot_general` for linen's dense layers: the last axes of x against the first axes of w, no batch axes."""
    (x_axes, w_axes), _ = dimension_numbers
    width = 1
    for axis in w_axes:
        width *= w.shape[axis]
    out = _matmul(x.reshape(-1, width), w.reshape(width, -1))
    return out.reshape(*x.shape[: x.ndim - len(x_axes)], *w.shape[len(w_axes) :])
