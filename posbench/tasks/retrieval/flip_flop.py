"""Flip-flop language: what was the last bit that was written, however much was said in between?

Liu et al. 2023 (arXiv 2306.00946). A sequence is pairs of an instruction and a bit: `w` writes the bit, `r` reads and
the bit is the one written last, `i` is to be ignored and its bit is a coin toss. The first instruction is w, the last
one r, those in between are drawn independently. Attention has to pick one pair out of many that look alike; a single
wrong answer is what the paper calls a glitch.
"""

import math
from collections.abc import Iterator
from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from posbench.knobs import Range
from posbench.tasks import base, generated

# Ids of the tokens: 0 and 1 are the bits.
WRITE, READ, IGNORE = 2, 3, 4


class Task(base.Task):
    """`length` symbols are length / 2 pairs; a model says at each symbol what the next one is.

    p_ignore: how often an instruction is i in training; w and r share the rest.
    read_only: only the bits that are read are trained on, the paper's clean mode, in which it reports all results;
      otherwise every next symbol is, its generative mode. Only bits that are read are ever scored.
    """

    metrics: ClassVar[dict[str, base.Metric]] = {
        'error': base.Metric('of read bits', 'lower', decides=True, share=True),
        'loss': base.Metric('nats per read bit', 'lower'),
    }
    protocols: ClassVar[dict[str, str]] = {
        'in_distribution': 'every bit that is read, in sequences with as many instructions to ignore as in training',
        'sparse': 'every bit that is read, in sequences where 98 % of the instructions are to be ignored',
        'dense': 'every bit that is read, in sequences where 10 % of the instructions are to be ignored',
    }
    labels: ClassVar[dict[str, str]] = {'in_distribution': 'as in training'}
    guess: ClassVar[str] = 'a coin toss, on every bit that could be read'
    next_token: ClassVar[bool] = True

    p_ignore: Annotated[float, Range(min=0, max=1)] = base.option(0.8)
    read_only: bool = base.option(True)

    @property
    def vocabulary(self) -> int:
        """Two bits and three instructions."""
        return 5

    def sample(self, rng: jax.Array, batch_size: int, length: int) -> base.Batch:
        """inputs_BL, targets_BL (int32), weights_BL (float32). ValueError for a length that is odd or below 4."""
        return self._rows(jax.random.split(rng, batch_size), length, self.p_ignore, self.read_only)

    def held_out(self, split: str, length: int, budget: base.Budget) -> Iterator[tuple[str, base.Batch]]:
        """Sequences of all protocols."""
        shares = dict(in_distribution=self.p_ignore, sparse=0.98, dense=0.1)
        for number, protocol in enumerate(self.protocols):
            options = length, shares[protocol], True
            where = dict(split=split, protocol=number, length=length, budget=budget)
            for batch in generated.held_out(self._rows, *options, **where):
                yield protocol, batch

    def _rows(self, keys_B: jax.Array, length: int, p_ignore: float, read_only: bool) -> base.Batch:
        check(length)
        symbols_BL = jax.vmap(lambda key: sequence(key, length, p_ignore))(keys_B)
        targets_BL = jnp.roll(symbols_BL, -1, axis=1)
        # Nothing follows the last symbol; the symbol after an instruction is its bit.
        scored_BL = (
            symbols_BL == READ if read_only else jnp.broadcast_to(jnp.arange(length) < length - 1, symbols_BL.shape)
        )
        return dict(inputs_BL=symbols_BL, targets_BL=targets_BL, weights_BL=scored_BL.astype(jnp.float32))

    def loss(self, outputs: jax.Array, batch: base.Batch) -> tuple[jax.Array, jax.Array]:
        """Nats of the targets."""
        return generated.loss(outputs, batch)

    def score(self, outputs: jax.Array, batch: base.Batch) -> base.Sums:
        """Wrong bits, nats and targets; NaN where logits are NaN."""
        weights_BL = batch['weights_BL']
        wrong_BL = (outputs.argmax(axis=-1) != batch['targets_BL']).astype(jnp.float32)
        # The place of a NaN would pass for the largest one, and so for an answer.
        wrong_BL = jnp.where(jnp.isnan(outputs).any(axis=-1), jnp.nan, wrong_BL)
        nats, weight = self.loss(outputs, batch)
        return dict(wrong=jnp.where(weights_BL > 0, wrong_BL * weights_BL, 0.0).sum(), nats=nats, weight=weight)

    def values(self, sums: base.Sums) -> dict[str, float]:
        """error (of read bits), loss (nats per read bit)."""
        weight = float(sums['weight']) or math.nan
        return dict(error=float(sums['wrong']) / weight, loss=float(sums['nats']) / weight)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Exact: the bit that was written last is a coin toss, wherever it is read."""
        check(length)
        return dict(error=0.5, loss=math.log(2))

    def example(self, batch: base.Batch, row: int, said: np.ndarray) -> str:
        """The sequence, with what the model said below each bit that is read."""
        symbols_L, scored_L = batch['inputs_BL'][row], batch['weights_BL'][row] > 0
        read = ''.join('01wri'[symbol] for symbol in symbols_L)
        answers = ' ' + ''.join('01wri'[bit] if scored else ' ' for bit, scored in zip(said, scored_L))
        return f'read  {read}\nsaid  {answers[: len(read)]}'


def check(length: int) -> None:
    """ValueError for a length that is no number of pairs, or has no room for a w and an r."""
    if length < 4 or length % 2:
        raise ValueError(f'length: got {length}, wanted an even number of at least 4.')


def sequence(key: jax.Array, length: int, p_ignore: float) -> jax.Array:
    """Symbols of one sequence, int32 [L]."""
    instruction_key, bit_key = jax.random.split(key)
    pairs = length // 2
    drawn_K = jax.random.uniform(instruction_key, (pairs,))
    instruction_K = jnp.where(drawn_K < p_ignore, IGNORE, jnp.where(drawn_K < (1 + p_ignore) / 2, WRITE, READ))
    instruction_K = instruction_K.at[0].set(WRITE).at[-1].set(READ)
    bit_K = jax.random.bernoulli(bit_key, shape=(pairs,)).astype(jnp.int32)
    index_K = jnp.arange(pairs)
    written_K = jax.lax.cummax(jnp.where(instruction_K == WRITE, index_K, 0))
    bit_K = jnp.where(instruction_K == READ, bit_K[written_K], bit_K)
    return jnp.stack([instruction_K, bit_K], axis=-1).reshape(length).astype(jnp.int32)
