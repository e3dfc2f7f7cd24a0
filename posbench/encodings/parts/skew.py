"""Rotations in more than two dimensions: exponentials of skew-symmetric matrices, block by block of a head."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from posbench.ops import products
from posbench.ops.blocks import cut

# Matrices at a time: what their exponentials need stays in a core's own cache.
FEW = 256
# The series of exp - 1 to its eighth term, three powers at a time and the highest first. Where rows of a matrix sum to
# at most 1/2, the next term is below 2^-9 / 9! = 5e-9.
SERIES = np.array([[1 / math.factorial(n + k) if n + k < 9 else 0 for k in range(3)] for n in (7, 4, 1)], np.float32)


def blocks(head_width: int, block: int) -> tuple[int, int]:
    """(blocks of a head, channels of a block); a narrower head is one block. ValueError where it does not divide."""
    size = min(block, head_width)
    if size < 2 or head_width % size:
        raise ValueError(f'block={block}: got a head width of {head_width}, wanted a multiple of the block.')
    return head_width // size, size


def changes(amounts_BMA: jax.Array, generators_AHNII: jax.Array) -> jax.Array:
    """exp(the sum over A of amounts times generators) - 1 of each token and block of channels, [B, M, I, I, H, N].

    The places of a matrix come before head and block: products of many small matrices are then sums of long vectors.
    """
    amounts_BMA = amounts_BMA.astype(jnp.float32)
    number, heads, count, size, _ = generators_AHNII.shape
    generators_CA = jnp.moveaxis(generators_AHNII, (3, 4, 0), (0, 1, 4)).reshape(-1, number)
    batch, length = amounts_BMA.shape[:2]
    few = min(max(FEW // (heads * count), 1), batch * length)

    # Angles are made again in the backward pass, and not kept.
    @jax.checkpoint
    def of_few(amounts_FA):
        angles_IIN = products.exact(generators_CA, amounts_FA.T).reshape(size, size, -1)
        return exponential(angles_IIN).reshape(size, size, heads, count, few)

    amounts_KFA = cut(amounts_BMA.reshape(-1, number), 0, few)
    change_KFIIHN = jnp.moveaxis(jax.lax.map(of_few, amounts_KFA), 5, 1)
    change_TIIHN = change_KFIIHN.reshape(-1, *change_KFIIHN.shape[2:])[: batch * length]
    return change_TIIHN.reshape(batch, length, size, size, heads, count)


def rotate(x_BLHK: jax.Array, change_BLIIHN: jax.Array) -> jax.Array:
    """exp(angles) x, block by block, of the `changes` of these angles; in the dtype of x."""
    count, size = change_BLIIHN.shape[-1], change_BLIIHN.shape[-3]
    x = x_BLHK.astype(jnp.float32).reshape(*x_BLHK.shape[:3], count, size)
    turned = x + jnp.einsum('BLIJHN,BLHNJ->BLHNI', change_BLIIHN, x, precision='highest')
    return turned.reshape(x_BLHK.shape).astype(x_BLHK.dtype)


@jax.custom_vjp
def exponential(a_II: jax.Array) -> jax.Array:
    """exp(A) - 1 of float32 matrices in the first two axes, by scaling and squaring.

    Without the 1, which would round small angles away. Its gradient is exact too, and holds nothing but A: the adjoint
    of the derivative at A is the derivative at the transpose of A.
    """
    return _exponential(a_II)


def _exponential(a_II):
    # Half as large as often as the largest matrix needs to be small.
    most = jnp.abs(a_II).sum(axis=1).max()
    squarings = jnp.clip(jnp.ceil(jnp.log2(jnp.maximum(most, 0.25))) + 1, 0, 64).astype(jnp.int32)
    a_II = a_II * jnp.exp2(-squarings.astype(jnp.float32))
    # A product a turn of a loop: XLA would fuse those in a row, and make the inner ones again for each element.
    _, powers_NII = jax.lax.scan(lambda power_II, _: (_product(power_II, a_II),) * 2, a_II, length=2)
    powers_NII = jnp.concatenate([a_II[None], powers_NII])

    def terms(n):
        return sum(jnp.asarray(SERIES)[n, k] * powers_NII[k] for k in range(3))

    change_II = jax.lax.fori_loop(1, 3, lambda n, x_II: terms(n) + _product(powers_NII[2], x_II), terms(0))
    return jax.lax.fori_loop(0, squarings, lambda _, x_II: 2 * x_II + _product(x_II, x_II), change_II)


def _product(a_II, b_II):
    return sum(a_II[:, i, None] * b_II[None, i] for i in range(a_II.shape[0]))


def _forward(a_II):
    return _exponential(a_II), a_II


def _backward(a_II, gradient_II):
    return (jax.jvp(_exponential, (jnp.swapaxes(a_II, 0, 1),), (gradient_II,))[1],)


exponential.defvjp(_forward, _backward)
