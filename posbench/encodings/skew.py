"""Rotations in more than two dimensions: exponentials of skew-symmetric matrices, block by block of a head."""

import jax
import jax.numpy as jnp

# Terms of the exponential series of matrices whose rows sum to at most 1/2: the next one is below 2^-9 / 9! = 5e-9.
TERMS = 8


def blocks(head_width: int, block: int) -> tuple[int, int]:
    """(blocks of a head, channels of a block); a narrower head is one block. ValueError where it does not divide."""
    size = min(block, head_width)
    if size < 2 or head_width % size:
        raise ValueError(f'block={block}: got a head width of {head_width}, wanted a multiple of the block.')
    return head_width // size, size


def changes(angles_BLHNII: jax.Array) -> jax.Array:
    """exp(angles) - 1 of each token and block of channels, [B, L, I, I, H, N].

    The places of a matrix come before head and block: products of many small matrices are then sums of long vectors.
    """
    change_IIBLHN = exponential(jnp.moveaxis(angles_BLHNII, (-2, -1), (0, 1)))
    return jnp.moveaxis(change_IIBLHN, (0, 1), (2, 3))


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
    # Loops, because XLA would fuse products written in a row, and make the inner ones again for each element.
    change_II = jax.lax.fori_loop(1, TERMS, lambda n, x_II: (a_II + _product(a_II, x_II)) / (TERMS - n), a_II / TERMS)
    return jax.lax.fori_loop(0, squarings, lambda _, x_II: 2 * x_II + _product(x_II, x_II), change_II)


def _product(a_II, b_II):
    return sum(a_II[:, i, None] * b_II[None, i] for i in range(a_II.shape[0]))


def _forward(a_II):
    return _exponential(a_II), a_II


def _backward(a_II, gradient_II):
    return (jax.jvp(_exponential, (jnp.swapaxes(a_II, 0, 1),), (gradient_II,))[1],)


exponential.defvjp(_forward, _backward)
