"""Rotations of blocks of channels by multiples of one skew-symmetric matrix: the planes that it turns, and how fast.

exp(s A) for one A and the amounts s of many tokens is RoPE in another basis: A turns I/2 planes, each at a frequency of
its own, and an odd channel that is left stays as it is. So each A is taken apart once, and tokens are turned pair by
pair. Queries and keys stay in the basis of the planes, which is orthonormal and the same for both: no product of a
query and a key changes by that. N counts the blocks of all heads here.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from posbench.encodings.parts import angles, rotation

# Two frequencies are as good as equal where their planes drift apart by fewer radians than this over all tokens.
CLOSE = 1e-3


def waves(places_A: Sequence[jax.Array], rate_AN: jax.Array, generators_NII: jax.Array) -> tuple[jax.Array, jax.Array]:
    """(cos, sin) of the angle of each plane, [B, L, N, I/2]: what `rotate` asks for, for queries and keys.

    The amounts are the sum over A of rates times `places_A`, coordinates [B, L] of positions.
    """
    speed_NC = frequencies(generators_NII, basis(generators_NII))
    omega_ANC = rate_AN[..., None] * speed_NC
    parts = (angles.angles(place_BL[..., None, None], omega_NC) for place_BL, omega_NC in zip(places_A, omega_ANC))
    return rotation.learned_waves(sum(parts))


def rotate(x_BLHK: jax.Array, amount_BLN: jax.Array, generators_NII: jax.Array, turns: tuple) -> jax.Array:
    """exp(amounts times generators) x of each block, in the basis of its planes; in the dtype of x.

    B of amounts and `turns`, which `waves` gave, may be 1.
    """
    count, size, _ = generators_NII.shape
    x_BLNI = x_BLHK.astype(jnp.float32).reshape(*x_BLHK.shape[:2], count, size)
    y_BLNI = into(x_BLNI, amount_BLN, generators_NII, basis(generators_NII))
    pairs = 2 * (size // 2)
    turned_BLNI = rotation.turn_shared(y_BLNI[..., :pairs], turns)
    turned_BLNI = jnp.concatenate([turned_BLNI, y_BLNI[..., pairs:]], axis=-1)
    return turned_BLNI.reshape(x_BLHK.shape).astype(x_BLHK.dtype)


def basis(generators_NII: jax.Array) -> jax.Array:
    """Orthonormal columns that each A turns in pairs, float32 [N, I, I]: I/2 first channels, their partners, the rest.

    A constant: no gradient goes through it. `into` and `frequencies` have the two halves of the gradient of A.
    """
    generators_NII = jax.lax.stop_gradient(generators_NII.astype(jnp.float32))
    size = generators_NII.shape[-1]
    # i A is Hermitian, and A (p + iq) = -i w (p + iq) says that A takes p to w q, and q to -w p.
    _, vectors_NII = jnp.linalg.eigh(1j * generators_NII)
    # The fastest first: what is left of the space when they are made orthonormal is what A does not turn.
    fastest_NIC = vectors_NII[..., ::-1][..., : size // 2]
    pairs = 2 * (size // 2)
    columns_NIP = jnp.stack([fastest_NIC.real, fastest_NIC.imag], axis=-1).reshape(-1, size, pairs)
    columns_NII, _ = jnp.linalg.qr(columns_NIP, mode='complete')
    paired_NIP, rest_NI1 = jnp.split(columns_NII, [pairs], axis=-1)
    return jnp.concatenate([paired_NIP[..., 0::2], paired_NIP[..., 1::2], rest_NI1], axis=-1)


def frequencies(generators_NII: jax.Array, basis_NII: jax.Array) -> jax.Array:
    """Radians that each plane turns by when the amount is 1, [N, I/2]."""
    count = basis_NII.shape[-1] // 2
    first_NIC, second_NIC = basis_NII[..., :count], basis_NII[..., count : 2 * count]
    return jnp.einsum('NIC,NIJ,NJC->NC', second_NIC, generators_NII, first_NIC, precision='highest')


@jax.custom_vjp
def into(x_BLNI: jax.Array, amount_BLN: jax.Array, generators_NII: jax.Array, basis_NII: jax.Array) -> jax.Array:
    """The channels of each block in the basis of its planes, [B, L, N, I].

    The gradient of A is what a change of the planes does; what a change of their frequencies does goes through the
    angles. Of two frequencies that are nearly equal too little would be left, as a difference of two sums: there it is
    that of equal ones, which is off by 3e-4 of itself at most. Forward-mode differentiation is not defined.
    """
    return _product(x_BLNI, basis_NII, 1)


def _into_forward(x_BLNI, amount_BLN, generators_NII, basis_NII):
    return into(x_BLNI, amount_BLN, generators_NII, basis_NII), (x_BLNI, amount_BLN, generators_NII, basis_NII)


def _into_backward(kept, d_BLNI):
    x_BLNI, amount_BLN, generators_NII, basis_NII = kept
    size = basis_NII.shape[-1]
    turning_II = _turning(size)

    def seen(x_BLNI):
        """Of the channels y in the planes: the sums over tokens of y_i d_j, in complex coordinates."""
        sums_NII = jnp.einsum('BLNI,BLNJ->NIJ', x_BLNI, d_BLNI, precision='highest')
        left_NII, right_II = jnp.swapaxes(basis_NII @ turning_II, -1, -2).conj(), turning_II
        return jnp.einsum('NIK,NKL,LJ->NIJ', left_NII, sums_NII, right_II, precision='highest')

    speed_NC = frequencies(generators_NII, basis_NII)
    speed_NI = jnp.concatenate([speed_NC, -speed_NC, jnp.zeros((len(speed_NC), size % 2))], axis=-1)
    apart_NII = speed_NI[..., :, None] - speed_NI[..., None, :]
    far_N = jnp.abs(amount_BLN).max((0, 1))
    # Along the diagonal are frequencies, which are none of the planes' business.
    itself_II = np.eye(size, dtype=bool)
    close_NII = (jnp.abs(apart_NII) * far_N[:, None, None] < CLOSE) & ~itself_II
    change_NII = -1j * seen(x_BLNI) / jnp.where(close_NII | itself_II, jnp.inf, apart_NII)

    def of_equal(one, change_NII):
        # XLA computes what does not hang on the number of the turn before the loop, and so for nothing.
        weighted_NII = seen(x_BLNI * (one * amount_BLN)[..., None])
        return jnp.where(close_NII, jnp.swapaxes(weighted_NII, -1, -2).conj(), change_NII)

    # Hardly ever: a loop of no turn or of one, because a branch under vmap takes both ways.
    change_NII = jax.lax.fori_loop(1, 1 + close_NII.any().astype(jnp.int32), of_equal, change_NII)
    out_NII = basis_NII @ turning_II
    d_generators_NII = jnp.einsum('NKI,NIJ,NLJ->NKL', out_NII, change_NII, out_NII.conj(), precision='highest').real
    d_x_BLNI = _product(d_BLNI, basis_NII, 2)
    return d_x_BLNI, jnp.zeros_like(amount_BLN), d_generators_NII, jnp.zeros_like(basis_NII)


into.defvjp(_into_forward, _into_backward)


def _turning(size: int) -> np.ndarray:
    """Columns that turning pairs only multiplies: complex [I, I], counter-clockwise, clockwise, and what stays."""
    count = size // 2
    one, rest = np.eye(count), np.zeros((count, size % 2))
    rows = [[one, one, rest], [-1j * one, 1j * one, rest], [rest.T, rest.T, np.sqrt(2) * np.eye(size % 2)]]
    return (np.block(rows) / np.sqrt(2)).astype(np.complex64)


def _product(x_BLNI, matrix_NII, axis):
    dimensions = (((3,), (axis,)), ((2,), (0,)))
    # An einsum would put tokens last, and what reads the result would have to turn it around.
    product_NBLI = jax.lax.dot_general(x_BLNI, matrix_NII, dimensions, precision=jax.lax.Precision.HIGHEST)
    return jnp.moveaxis(product_NBLI, 0, 2)
