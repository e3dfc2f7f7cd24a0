"""Whole numbers of any size as arrays of bits, the smallest one first. Exact, and traced."""

import jax
import jax.numpy as jnp

END = 2
# What one random number can stand for.
AT_MOST = 30


def number(key: jax.Array, room: int, digits: jax.Array | int) -> jax.Array:
    """Bits [room] of a number from 1 to 2^digits - 1, all equally likely; 0 from `digits` on."""
    of_bits, of_another = jax.random.split(key)
    place_P = jnp.arange(room)
    bits_P = jnp.where(place_P < digits, jax.random.randint(of_bits, (room,), 0, 2), 0)
    # In the place of a 0 another number leaves all as likely. Of 30 digits or more a 0 will hardly ever come.
    digits = jnp.minimum(digits, AT_MOST)
    another = jax.random.randint(of_another, (), 1, jnp.left_shift(1, digits))
    another_P = jnp.where(place_P < digits, jnp.right_shift(another, jnp.minimum(place_P, AT_MOST)) & 1, 0)
    return jnp.where(bits_P.any(), bits_P, another_P)


def pair(key: jax.Array, room: int, length: jax.Array | int) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    """`length` symbols, [room]: a number, 2, another number; and both numbers, [room] each.

    The first one has 1 to length - 2 bits, the other the rest; neither is 0, though any may end with zeros.
    """
    of_size, *of_numbers = jax.random.split(key, 3)
    size = jax.random.randint(of_size, (), 1, length - 1)
    one_P = number(of_numbers[0], room, size)
    other_P = number(of_numbers[1], room, length - 1 - size)
    place_P = jnp.arange(room)
    behind_P = other_P[jnp.clip(place_P - size - 1, 0, room - 1)]
    symbols_P = jnp.select([place_P < size, place_P == size], [one_P, jnp.full_like(one_P, END)], behind_P)
    return symbols_P, (one_P, other_P)


def add(one_A: jax.Array, other_A: jax.Array) -> jax.Array:
    """The bits of a sum, but for those that would be past the last place."""

    def both(before, after):
        makes, passes = before
        makes_after, passes_after = after
        return makes_after | passes_after & makes, passes & passes_after

    carried_A, _ = jax.lax.associative_scan(both, (one_A & other_A, one_A | other_A))
    return one_A ^ other_A ^ jnp.pad(carried_A[:-1], (1, 0))


def multiply(one_A: jax.Array, other_A: jax.Array) -> jax.Array:
    """The bits of a product, but for those that would be past the last place."""

    def of_one_bit(counts_A, bit):
        # As one writes it down: twice what there is, and the other number once more or not.
        return jnp.pad(counts_A[:-1], (1, 0)) + bit * other_A, None

    def carry(carried, count):
        count += carried
        return count >> 1, count & 1

    # How many ones come together at each place.
    counts_A, _ = jax.lax.scan(of_one_bit, jnp.zeros_like(other_A), one_A, reverse=True)
    return jax.lax.scan(carry, jnp.zeros((), counts_A.dtype), counts_A)[1]


def ended(bits_A: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The bits up to the last one that is 1, an end (2), and zeros; and how many bits there are before the end."""
    place_A = jnp.arange(len(bits_A))
    size = jnp.where(bits_A > 0, place_A + 1, 0).max()
    return jnp.where(place_A == size, END, bits_A), size
