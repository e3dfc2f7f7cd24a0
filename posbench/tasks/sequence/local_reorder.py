"""Say a sequence in an order that differs from its own among nearest neighbours alone: heads follow their modifiers.

Half of the symbols are heads and half modifiers. A head moves behind the modifiers that follow it, up to `reach` of
them, as a noun or a verb does from one language to another; nothing else moves. With a reach of 2, and H for heads:

    read  H1 a b H2 c H3 d e f        said  a b H1 c H2 d e H3 f

A stand-in of ours for the translation of Shaw et al. 2018 (arXiv 1803.02155, table 3), where distances that are clipped
at k lose nothing from k = 2 on, and half of the BLEU at 0: WMT is out of reach of a laptop. As there, an encoder reads
and a decoder says, and attention from one to the other knows no positions. No symbol stands twice in a sequence, so
that it is found by what it is; which one comes after it is told by those at most reach + 2 places away, and by nothing
else. Without order, a model has heads and modifiers to tell apart, and that is all.
"""

import math
from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp

from posbench.knobs import Range
from posbench.tasks import base
from posbench.tasks.sequence import reverse


class Task(reverse.Task):
    """Up to `length` symbols are read; as many and an end are said. Rows are drawn and scored as in sequence/reverse.

    Each symbol is a head or a modifier by the toss of a coin, and none that the sequence has already.

    symbols: of the alphabet, at least twice as many as a sequence has; the even ones are heads.
    reach: modifiers that a head moves behind, at the most.
    """

    guess: ClassVar[str] = 'the commonest kind at each place of a known length, and any symbol of that kind'

    symbols: reverse.Symbols = base.option(128)
    reach: Annotated[int, Range(min=1)] = base.option(2)

    def read(self, key: jax.Array, length: int) -> jax.Array:
        """Symbols, int32 [M]. ValueError for more than there are modifiers."""
        if length > self.symbols // 2:
            raise ValueError(f'length: got {length}, wanted at most {self.symbols // 2}, half of the '
                             f'{self.symbols} symbols.')  # fmt: skip
        kind_key, head_key, modifier_key = jax.random.split(key, 3)
        is_head_M = jax.random.bernoulli(kind_key, shape=(length,))
        head_H, modifier_N = (
            2 * jnp.argsort(jax.random.uniform(key, (count,))) + kind
            for kind, (key, count) in enumerate(
                [(head_key, (self.symbols + 1) // 2), (modifier_key, self.symbols // 2)]
            )
        )
        before_M = jnp.maximum(jnp.cumsum(is_head_M) - 1, 0), jnp.maximum(jnp.cumsum(~is_head_M) - 1, 0)
        return jnp.where(is_head_M, head_H[before_M[0]], modifier_N[before_M[1]]).astype(jnp.int32)

    def order(self, source_M: jax.Array, count: jax.Array | int) -> jax.Array:
        """Every modifier within reach moves one place ahead, and a head by as many as there are."""
        index_M = jnp.arange(len(source_M))
        is_head_M = (source_M % 2 == 0) & (index_M < count)
        head_M = jax.lax.cummax(jnp.where(is_head_M, index_M, -1))
        # The next head, or what follows the last symbol.
        stop_M = jax.lax.cummin(jnp.where(is_head_M, index_M, count), reverse=True)
        stop_M = jnp.append(stop_M[1:], count)
        follows_M = (head_M >= 0) & (index_M - head_M <= self.reach) & (index_M < count)
        moved_M = jnp.where(follows_M, index_M - 1, index_M)
        moved_M = jnp.where(is_head_M, index_M + jnp.minimum(stop_M - index_M - 1, self.reach), moved_M)
        return jnp.zeros_like(index_M).at[moved_M].set(index_M)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Exact, of a model that knows the length. As a whole it says modifiers, and one head at the end."""
        heads, modifiers = (self.symbols + 1) // 2, self.symbols // 2
        shares = [self._share_of_heads(place, length) for place in range(length)]
        token = sum(max(share / heads, (1 - share) / modifiers) for share in shares)
        # One head, that stood at the end or so many places before it.
        exact = (min(self.reach, length - 1) + 1) * 0.5**length / heads
        exact /= math.perm(modifiers, length - 1)
        return dict(exact_match=exact, token_accuracy=(token + 1) / (length + 1))

    def _share_of_heads(self, place: int, length: int) -> float:
        """How often a head is said there: it stood so many places before, modifiers and no more followed it."""
        last = place == length - 1
        return sum(
            0.5 ** (before + (1 if last or before == self.reach else 2)) for before in range(min(place, self.reach) + 1)
        )
