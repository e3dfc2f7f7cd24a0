"""Add two numbers digit by digit. A task of Kazemnejad et al. 2023 (arXiv 2305.19466)."""

import jax
import jax.numpy as jnp

from posbench.tasks import base, questions, ragged, worded


class Task(worded.Worded):
    """Two numbers are read, 'compute 5 3 7 + 1 9', and their sum is said, '5 5 6'; `length` is the larger number
    of digits.

    In training every pair of numbers of digits up to `length` is as likely, as in the paper; held out, one of the two
    numbers has `length` digits. The first digit of a number of several is not 0.

    reverse: the digits of the sum are said from the last to the first, so that each needs only what was said.
    scratchpad: columns are said before, from the last one, '7 + 9 + 0 = 6 , 1 ; 3 + 1 + 1 = 5 , 0 ; 5 + 0 + 0 = 5 , 0 ;
      so 5 5 6'. Of the paper's parts of a step these are the input and the computation, the output (a digit), and the
      variable (what is carried); the remaining input is left out, since it is the beginning of the question's numbers.
    """

    reverse: bool = base.option(False)
    scratchpad: bool = base.option(False)

    @property
    def words(self) -> tuple[str, ...]:
        """Digits, and what stands between."""
        return *worded.DIGITS, 'compute', '+', '=', ',', ';', 'so'

    def parts(self, length: int) -> tuple[worded.Parts, worded.Parts]:
        """Two numbers; one that may have a digit more."""
        steps = [(10 * length, ['0']), (1, ['so'])] if self.scratchpad else []
        return [(1, ['compute']), (2 * length + 1, ['0'])], [*steps, (length + 1, ['0'])]

    def drawn_length(self, key: jax.Array, length: int) -> jax.Array:
        """The digits of the longer of two numbers that have 1 to `length`, evenly."""
        return jax.random.randint(key, (2,), 1, length + 1).max()

    def worded(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """Two numbers, of which one has `length` digits and the other any number up to it, and their sum."""
        pair_key, *number_keys = jax.random.split(key, 3)
        pair = jax.random.randint(pair_key, (), 0, 2 * length - 1)
        # The pairs (length, 1), ..., (length, length), (1, length), ..., (length - 1, length).
        sizes = jnp.where(pair < length, length, pair - length + 1), jnp.where(pair < length, pair + 1, length)
        # From the last digit on, zeros before the first.
        a_S, b_S = (_number(key, room, size) for key, size in zip(number_keys, sizes))
        carried, (sum_S, before_S, after_S) = jax.lax.scan(_column, jnp.int32(0), (a_S, b_S))
        # A digit more where the last column of the longer number carries.
        said = length + after_S[length - 1]
        total_S = jnp.append(sum_S, carried)
        plus, equals, comma, ends = self.numbers('+', '=', ',', ';')
        steps_SK = ragged.columns(a_S, plus, b_S, plus, before_S, equals, sum_S, comma, after_S, ends)
        steps = [(steps_SK.reshape(-1), length * 10), self.numbers('so')] if self.scratchpad else []
        first, second = (_forwards(digits_S, size) for digits_S, size in ((a_S, sizes[0]), (b_S, sizes[1])))
        answer = (total_S, said) if self.reverse else _forwards(total_S, said)
        question_room, answer_room = self.word_rooms(room)
        return questions.Asked(
            *ragged.joined(question_room, self.numbers('compute'), first, self.numbers('+'), second),
            *ragged.joined(answer_room, *steps, answer),
        )


def _number(key: jax.Array, room: int, size: jax.Array) -> jax.Array:
    first_key, key = jax.random.split(key)
    place_S = jnp.arange(room)
    first = jax.random.randint(first_key, (), jnp.where(size > 1, 1, 0), 10)
    digits_S = jax.random.randint(key, (room,), 0, 10)
    return jnp.where(place_S < size - 1, digits_S, jnp.where(place_S == size - 1, first, 0))


def _column(carried: jax.Array, digits: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    total = sum(digits) + carried
    return total // 10, (total % 10, carried, total // 10)


def _forwards(digits_S: jax.Array, size: jax.Array) -> ragged.Sized:
    return digits_S[jnp.clip(size - 1 - jnp.arange(len(digits_S)), 0)], size
