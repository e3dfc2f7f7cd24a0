"""The settings of a run, of its training and of its scoring, as types. Their values stand in configs/default.py.

Each NamedTuple is a group of the config, `settings.Train(**config.train)`. Knobs are read from this file's source, with
their ranges: nothing else says what they may be. Nothing here imports jax.
"""

import itertools
from collections.abc import Iterable
from typing import Annotated, Literal, NamedTuple

from posbench.knobs import ANY_NUMBER, INCREASING, UNIQUE, Nested, Path, Range

Natural = Annotated[int, Range(min=1)]
Count = Annotated[int, Range(min=0)]
SHAPES = 3  # lengths of arrays that a task is scored in, where its sequences may be filled up


class Run(NamedTuple):
    """The knobs at the top of a config."""

    experiment: str | None
    seeds: Annotated[tuple[int, ...], Range(min=0, max=2_147_483_647), UNIQUE]
    dtype: Literal['float32', 'bfloat16']
    distributed: bool | None
    parallel: Literal['jit', 'pmap']
    debug_nans: bool


class Train(NamedTuple):
    """config.train."""

    length: Natural
    batch_size: Natural
    steps: Natural
    steps_per_call: Natural
    evaluate_every: Natural
    checkpoint_every: Natural
    keep_checkpoints: Natural


class SecondPhase(NamedTuple):
    """config.second_phase; without an encoding there is none."""

    encoding: Nested
    steps: Natural
    learning_rate: Annotated[float, Range(above=0)] | None
    warmup_steps: Count
    qk_norm: bool


class Evaluate(NamedTuple):
    """config.evaluate."""

    multiples: Annotated[tuple[int, ...], Range(min=1), INCREASING]
    first_unseen: bool
    split: Literal['validation', 'test']
    tokens: Natural | None
    batch_tokens: Natural
    # These have a default: the config.json of a run from before there was such a knob has none.
    lengths: Annotated[tuple[int, ...], Range(min=1), INCREASING, ANY_NUMBER] = ()
    probe: bool = False

    def scored(self, train_length: int) -> list[int]:
        """Lengths to score, shortest first; the first unseen length is the training length plus 1."""
        lengths = {multiple * train_length for multiple in self.multiples}.union(self.lengths)
        return sorted(lengths | {train_length + 1} if self.first_unseen else lengths)

    def shapes(self, train_length: int) -> tuple[int, ...]:
        """At most three lengths, the longest one among them, that all others are filled up to with the least waste."""
        lengths = {*self.scored(train_length), train_length}
        longest = max(lengths)
        lower = itertools.combinations(sorted(lengths - {longest}), min(SHAPES - 1, len(lengths) - 1))

        def filled_up(shapes):
            return sum(next(shape for shape in (*shapes, longest) if shape >= length) for length in lengths)

        return *min(lower, key=filled_up), longest

    def also(self, lengths: Iterable[int], train_length: int) -> 'Evaluate':
        """This plan with other lengths besides."""
        more = set(lengths).difference(self.scored(train_length))
        return self._replace(lengths=tuple(sorted(more.union(self.lengths))))


class Generate(NamedTuple):
    """config.generate."""

    prompt: str
    tokens: Natural
    temperature: Annotated[float, Range(min=0)]
    samples: Natural


class Init(NamedTuple):
    """config.init: patterns are those of fnmatch, on paths of parameters such as `block_0/query/kernel`."""

    folder: Path | None
    seed: int | None
    take: tuple[str, ...]
    freeze: tuple[str, ...]
    freeze_at_first: tuple[str, ...]
    first_steps: Count
