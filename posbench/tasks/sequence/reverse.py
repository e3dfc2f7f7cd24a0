"""Say a sequence backwards: the first token said is the last one read.

One of the tasks of Deletang et al. 2023 (arXiv 2207.02098) and Kazemnejad et al. 2023 (arXiv 2305.19466), here for an
encoder that reads and a decoder that says. Nothing but positions tells which symbol comes next, and when to stop.
"""

import math
from collections.abc import Iterator
from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from posbench.knobs import Range
from posbench.tasks import base, generated

Symbols = Annotated[int, Range(min=2, max=1_000_000)]


class Task(base.Task):
    """Up to `length` random symbols are read; as many and an end are said.

    In training the number of symbols of each row is drawn evenly from 1 to `length`, so that the place of the end has
    to be learned; at evaluation it is `length`.

    symbols: of the alphabet.
    """

    metrics: ClassVar[dict[str, base.Metric]] = {
        'exact_match': base.Metric('of sequences', 'higher', decides=True, share=True),
        'token_accuracy': base.Metric('of tokens', 'higher', share=True),
    }
    protocols: ClassVar[dict[str, str]] = {
        'decoded': 'every symbol and the end of sequences of that length, the likeliest token said one after the other',
    }
    generates: ClassVar[bool] = True
    guess: ClassVar[str] = 'any symbol at each place of a known length, on all sequences that there could be'
    next_token: ClassVar[bool] = True

    symbols: Symbols = base.option(26)

    @property
    def begin(self) -> int:
        """What the decoder reads first."""
        return self.symbols

    @property
    def end(self) -> int:
        """What is said after the last symbol, and stands where a shorter row is filled up."""
        return self.symbols + 1

    @property
    def vocabulary(self) -> int:
        """The symbols, the begin and the end."""
        return self.symbols + 2

    def sample(self, rng: jax.Array, batch_size: int, length: int) -> base.Batch:
        """source_BM (M = length), inputs_BL, targets_BL (L = length + 1), int32, their segments, and weights_BL."""

        def row(key):
            count_key, key = jax.random.split(key)
            return self._row(key, length, jax.random.randint(count_key, (), 1, length + 1))

        return jax.vmap(row)(jax.random.split(rng, batch_size))

    def held_out(self, split: str, length: int, budget: base.Budget) -> Iterator[tuple[str, base.Batch]]:
        """Sequences of exactly `length` symbols."""
        for batch in generated.held_out(self._longest, length, split=split, protocol=0, length=length, budget=budget):
            yield 'decoded', batch

    def _longest(self, keys_B: jax.Array, length: int) -> base.Batch:
        return jax.vmap(lambda key: self._row(key, length, length))(keys_B)

    def _row(self, key: jax.Array, length: int, count: jax.Array | int) -> base.Batch:
        """One row of `count` symbols."""
        index_M, place_L = jnp.arange(length), jnp.arange(length + 1)
        source_M = jnp.where(index_M < count, self.read(key, length), self.end)
        said_M = source_M[self.order(source_M, count)]
        targets_L = jnp.where(place_L < count, jnp.append(said_M, self.end), self.end)
        # Segments, so that neither half reads what a row is filled up with.
        return dict(
            source_BM=source_M,
            source_segment_ids_BM=jnp.where(index_M < count, 0, -1),
            inputs_BL=jnp.roll(targets_L, 1).at[0].set(self.begin),
            segment_ids_BL=jnp.where(place_L <= count, 0, -1),
            targets_BL=targets_L,
            weights_BL=(place_L <= count).astype(jnp.float32),
        )

    def read(self, key: jax.Array, length: int) -> jax.Array:
        """Symbols of the longest row, int32 [M]; a shorter one has the first of them. Traced."""
        return jax.random.randint(key, (length,), 0, self.symbols, jnp.int32)

    def order(self, source_M: jax.Array, count: jax.Array | int) -> jax.Array:
        """Where what is said stood in a source of `count` symbols, first said first; anything past them. Traced."""
        return jnp.maximum(count - 1 - jnp.arange(len(source_M)), 0)

    def loss(self, outputs: jax.Array, batch: base.Batch) -> tuple[jax.Array, jax.Array]:
        """Nats of the targets, each after the right ones before it."""
        return generated.loss(outputs, batch)

    def score(self, outputs: jax.Array, batch: base.Batch) -> base.Sums:
        """Right tokens by place, and rows that are right as a whole; `outputs` are tokens."""
        scored_BL = batch['weights_BL'] > 0
        wrong_BL = (outputs != batch['targets_BL']) & scored_BL
        lost_BL = (outputs == base.NOTHING) & scored_BL
        row_B = scored_BL.any(axis=1)
        right_BL = jnp.where(lost_BL, jnp.nan, (scored_BL & ~wrong_BL).astype(jnp.float32))
        exact_B = jnp.where(lost_BL.any(axis=1), jnp.nan, (row_B & ~wrong_BL.any(axis=1)).astype(jnp.float32))
        return dict(
            right_L=right_BL.sum(axis=0),
            tokens_L=scored_BL.astype(jnp.float32).sum(axis=0),
            exact=exact_B.sum(),
            rows=row_B.astype(jnp.float32).sum(),
        )

    def values(self, sums: base.Sums) -> dict[str, float]:
        """exact_match (of sequences), token_accuracy (of tokens)."""
        rows, tokens = float(sums['rows']) or math.nan, float(np.sum(sums['tokens_L'])) or math.nan
        return dict(exact_match=float(sums['exact']) / rows, token_accuracy=float(np.sum(sums['right_L'])) / tokens)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Exact, of a model that knows the length: any symbol at each place, and the end where it belongs."""
        right = 1 / self.symbols
        return dict(exact_match=right**length, token_accuracy=(length * right + 1) / (length + 1))

    def places(self, sums: base.Sums) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Token accuracy by place in what is said."""
        return {'token_accuracy': (sums['right_L'], sums['tokens_L'])}

    def example(self, batch: base.Batch, row: int, said: np.ndarray) -> str:
        """What was read, what should have been said, and what was."""
        real_M, scored_L = batch['source_segment_ids_BM'][row] >= 0, batch['weights_BL'][row] > 0
        parts = dict(
            read=batch['source_BM'][row][real_M], wanted=batch['targets_BL'][row][scored_L], said=said[scored_L]
        )
        return '\n'.join(f'{name:7} {" ".join(map(self._letter, tokens))}' for name, tokens in parts.items())

    def _letter(self, token: int) -> str:
        if not 0 <= token < self.symbols:
            return {self.end: '.', self.begin: '^'}.get(int(token), '?')
        return chr(ord('a') + token) if self.symbols <= 26 else str(token)
