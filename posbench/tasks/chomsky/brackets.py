"""Expressions with brackets of a given length, drawn as a recursion would draw them, but without one. Traced.

Of one to four symbols an expression is d, -d, (d) or (-d), with d a digit; of more it is (l o r), with o an operator
and l and r expressions, l of 1 to length - 4 symbols. All draws are even (google-deepmind/
randomized_positional_encodings, tasks/dcf/modular_arithmetic_brackets.py).
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

MODULUS = 5
# After the digits come the operators, and after these the brackets.
OPERATORS = '+-*'
MINUS = MODULUS + OPERATORS.index('-')


def expression(key: jax.Array, room: int, length: jax.Array | int, operators: int) -> tuple[jax.Array, jax.Array]:
    """`length` symbols, [room], with the first so many of OPERATORS, and the value modulo 5."""
    # There is one more part than symbols that are (, ) or an operator, in threes, and each has at least one symbol.
    parts = (room + 1) // 2
    of_left, of_operator, of_digit = jax.random.split(key, 3)
    # A remainder of 32 bits: no part is more than one in some million likelier than another.
    draw_M = jax.random.bits(of_left, (parts,), jnp.uint32)
    operator_M = jax.random.randint(of_operator, (parts,), 0, operators)
    digit_M = jax.random.randint(of_digit, (parts,), 0, MODULUS)
    start_M, size_M, left_M, child_M = _parts(draw_M, length)
    is_leaf_M, is_inner_M = (size_M > 0) & (size_M < 5), size_M >= 5
    is_minus_M = is_leaf_M & (size_M % 2 == 0)
    bracketed_M = is_inner_M | is_leaf_M & (size_M > 2)
    opens = MODULUS + operators

    def write(symbols_P, where_M, place_M, symbol_M):
        return symbols_P.at[jnp.where(where_M, place_M, room)].set(symbol_M, mode='drop')

    symbols_P = jnp.zeros(room, jnp.int32)
    symbols_P = write(symbols_P, bracketed_M, start_M, opens)
    symbols_P = write(symbols_P, bracketed_M, start_M + size_M - 1, opens + 1)
    symbols_P = write(symbols_P, is_inner_M, start_M + 1 + left_M, MODULUS + operator_M)
    symbols_P = write(symbols_P, is_minus_M, start_M + (size_M == 4), MINUS)
    symbols_P = write(symbols_P, is_leaf_M, start_M + size_M // 2, digit_M)

    def evaluated(value_M, part):
        one, other = (value_M[jnp.minimum(child_M[part] + n, parts - 1)] for n in (0, 1))
        of_two = jnp.stack([one + other, one - other, one * other])[operator_M[part]]
        of_one = jnp.where(is_minus_M[part], -digit_M[part], digit_M[part])
        return value_M.at[part].set(jnp.where(is_inner_M[part], of_two, of_one) % MODULUS), None

    # Parts of a part have larger numbers.
    value_M, _ = jax.lax.scan(evaluated, jnp.zeros(parts, jnp.int32), jnp.arange(parts), reverse=True)
    return symbols_P, value_M[0]


def _parts(draw_M: jax.Array, length: jax.Array | int) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Start and size of each part, and of those with two parts the size of the first one and its number.

    A part is cut when its turn comes, and its two parts put at the end of those that wait; what never comes has size 0.
    """
    parts = len(draw_M)

    def cut(state, part):
        start_M, size_M, made = state
        start, size = start_M[part], size_M[part]
        left = 1 + (draw_M[part] % jnp.maximum(size - 4, 1).astype(jnp.uint32)).astype(jnp.int32)
        two = jnp.where(size >= 5, made + jnp.arange(2), parts)
        start_M = start_M.at[two].set(start + jnp.stack([1, 2 + left]), mode='drop')
        size_M = size_M.at[two].set(jnp.stack([left, size - left - 3]), mode='drop')
        return (start_M, size_M, made + 2 * (size >= 5)), (left, made)

    zero_M = jnp.zeros(parts, jnp.int32)
    begin = zero_M, zero_M.at[0].set(length), jnp.ones((), jnp.int32)
    (start_M, size_M, _), (left_M, child_M) = jax.lax.scan(cut, begin, jnp.arange(parts))
    return start_M, size_M, left_M, child_M


@functools.lru_cache(maxsize=64)
def values(length: int, operators: int) -> tuple[float, ...]:
    """The chances of each value of an expression, exactly."""
    digits = np.arange(MODULUS)
    of_two = [digits[:, None] + digits, digits[:, None] - digits, digits[:, None] * digits][:operators]
    p_NV = np.full((length + 1, MODULUS), 1 / MODULUS)
    for size in range(5, length + 1):
        left_LV = p_NV[1 : size - 3]
        both_VW = left_LV.T @ left_LV[::-1] / len(left_LV)
        p_NV[size] = np.mean([np.bincount((x % MODULUS).ravel(), both_VW.ravel(), MODULUS) for x in of_two], axis=0)
    return tuple(p_NV[length].tolist())
