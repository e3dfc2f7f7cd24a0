"""What is on a stack in the end: deterministic context-free (Deletang et al. 2023, arXiv 2207.02098, table 1).

As in google-deepmind/randomized_positional_encodings, but that nothing after the end of an answer is trained on.
"""

import jax
import jax.numpy as jnp
import numpy as np

from posbench.tasks import questions
from posbench.tasks.chomsky import frequencies

POP, END = 2, 2


class Task(questions.Blanks):
    """A stack of bits is read from the bottom up, then what is done to it: pop (2), push 0 (3) or push 1 (4), in all
    `length` symbols, of which 1 to `length` - 1 are the stack. The stack is said from the top down, and an end (2).

    A pop of an empty stack does nothing. There are `length` + 1 places for an answer; after its end nothing is scored.
    """

    @property
    def alphabet(self) -> int:
        """Two bits, of which the end stands beside, which a pop is too, and two pushes."""
        return 5

    def rooms(self, length: int) -> tuple[int, int]:
        """Symbols, and as many bits if all are pushes, and the end."""
        return length, length + 1

    def asked(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """A stack and what is done to it, all equally likely, and what is left."""
        of_size, of_bits, of_actions = jax.random.split(key, 3)
        size = jax.random.randint(of_size, (), 1, jnp.maximum(length, 2))
        bits_P = jax.random.randint(of_bits, (room,), 0, 2)
        actions_P = jax.random.randint(of_actions, (room,), POP, POP + 3)
        place_P = jnp.arange(room)
        symbols_P = jnp.where(place_P < size, bits_P, actions_P)
        pushes_P = symbols_P != POP
        # A walk that does not go below 0 is one that may, less the lowest that this one has been at.
        walk_P = jnp.cumsum(jnp.where(pushes_P, 1, -1))
        height_P = walk_P - jnp.minimum(jax.lax.cummin(walk_P), 0)
        # What is at each height is what was put there last.
        put_P = jnp.where(pushes_P & (place_P < length), height_P - 1, room)
        last_P = jnp.zeros(room, jnp.int32).at[put_P].max(place_P, mode='drop')
        left, answer_A = height_P[length - 1], jnp.arange(room + 1)
        # Pushes of a bit follow the bits after the one that is no push.
        symbols_A = symbols_P[last_P[jnp.maximum(left - 1 - answer_A, 0)]]
        stack_A = jnp.where(symbols_A > POP, symbols_A - POP - 1, symbols_A)
        answer_A = jnp.select([answer_A < left, answer_A == left], [stack_A, jnp.full_like(stack_A, END)], 0)
        return questions.Asked(symbols_P, length, answer_A, length + 1, left + 1)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Of a bit where the stack is likely to be higher, and of the end; exactly, by the chances of its height."""
        self.check(length)
        p_H = heights(length)
        higher_H = 1 - np.cumsum(p_H)
        p_AV = np.stack([higher_H / 2, higher_H / 2, p_H], axis=1).clip(0)
        end = int(np.argmax(p_AV.argmax(axis=1) == END))
        return frequencies.chance(p_AV, p_H[end] * 0.5**end)


def heights(length: int) -> np.ndarray:
    """The chances of 0 to `length` bits on the stack in the end."""
    p_H = np.zeros(length + 1)
    for size in range(1, max(length, 2)):
        # Those that have had `size` symbols so far, of which the last ones may have been actions.
        begun_H = np.eye(length + 1)[size] / max(length - 1, 1)
        p_H = begun_H + (_moved(p_H) if size > 1 else 0)
    return _moved(p_H) if length > 1 else p_H


def _moved(p_H: np.ndarray) -> np.ndarray:
    """After a push, two times in three, or a pop."""
    popped_H = np.append(p_H[1:], 0.0)
    popped_H[0] += p_H[0]
    return np.append(0.0, p_H[:-1]) * 2 / 3 + popped_H / 3
