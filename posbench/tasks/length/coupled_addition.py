"""Addition whose digits can be lined up: operands filled up to one length, and the sum from its last digit on.

As in position coupling (Cho et al. 2024, arXiv 2405.20671, and HanseulJo/position-coupling): `$653+049=2070$`, zeros in
front of the shorter operand and of the sum, which has one digit more than they have and is said backwards. In training
both operands have any number of digits up to the longest, each as often as any other; at evaluation both have that
many. First digits are not 0, but that of a number of one digit may be. Tokens are spelled, so that
`config.positions.name=coupled` and `abacus` find digits and signs; other maps find nothing to look for.
"""

import jax
import jax.numpy as jnp

from posbench.tasks import base, questions

PLUS = 10


class Task(questions.Said):
    """`length` is the digits of the operands."""

    @property
    def alphabet(self) -> int:
        """Ten digits and the plus."""
        return 11

    @property
    def spelled(self) -> list[str]:
        """What a position map reads: the tokens as text; a sequence begins and ends alike."""
        return [*'0123456789+', '$', '=', '$']

    def rooms(self, length: int) -> tuple[int, int]:
        """Two operands and the plus; a sum."""
        return 2 * length + 1, length + 1

    def sample(self, rng: jax.Array, batch_size: int, length: int) -> base.Batch:
        """As every task of questions, but that operands have any number of digits, drawn for each of them."""
        self.check(length)

        def row(key):
            count_key, key = jax.random.split(key)
            counts_2 = jax.random.randint(count_key, (2,), 1, length + 1)
            return self.row(self.sum_of(key, length, counts_2))

        return questions.batched(jax.vmap(row)(jax.random.split(rng, batch_size)))

    def asked(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """Two numbers of as many digits, and their sum."""
        return self.sum_of(key, room, jnp.broadcast_to(length, (2,)))

    def sum_of(self, key: jax.Array, room: int, counts_2: jax.Array) -> questions.Asked:
        """Two numbers of so many digits, and their sum. Traced."""
        digit_key, first_key = jax.random.split(key)
        place_R = jnp.arange(room)
        longest = counts_2.max()
        # From the last digit to the first; zeros behind those that a number has.
        digits_R2 = jax.random.randint(digit_key, (room, 2), 0, 10)
        firsts_2 = jax.random.randint(first_key, (2,), 1, 10)
        is_first_R2 = (place_R[:, None] == counts_2 - 1) & (counts_2 > 1)
        digits_R2 = jnp.where(is_first_R2, firsts_2, digits_R2)
        digits_R2 = jnp.where(place_R[:, None] < counts_2, digits_R2, 0)

        def add(carry, digits_2):
            total = carry + digits_2.sum()
            return total // 10, total % 10

        carry, sum_R = jax.lax.scan(add, jnp.zeros((), digits_R2.dtype), digits_R2)
        place_P = jnp.arange(2 * room + 1)
        which_P = (place_P > longest).astype(jnp.int32)
        significance_P = longest - 1 - (place_P - which_P * (longest + 1))
        prompt_P = digits_R2[jnp.clip(significance_P, 0, room - 1), which_P]
        prompt_P = jnp.where(place_P == longest, PLUS, prompt_P)
        # Beyond the operands the scan has added the carry to zeros.
        return questions.Asked(prompt_P, 2 * longest + 1, jnp.append(sum_R, carry), longest + 1)

    def letter(self, token: int) -> str:
        """As it is spelled."""
        return self.spelled[token]
