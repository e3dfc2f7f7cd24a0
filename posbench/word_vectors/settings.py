"""The settings of a run of word vectors, as types. Their values stand in configs/word_vectors.py.

As in training/settings.py each NamedTuple is a group of the config; nothing here imports jax.
"""

from typing import Annotated, Literal, NamedTuple

from posbench.knobs import UNIQUE, Range

Natural = Annotated[int, Range(min=1)]
# Cells of a figure: a page of a million words would be read by nobody.
Some = Annotated[int, Range(min=1, max=2000)]


class Run(NamedTuple):
    """The knobs at the top of a config."""

    experiment: str | None
    seeds: Annotated[tuple[int, ...], Range(min=0, max=2_147_483_647), UNIQUE]
    distributed: bool | None
    parallel: Literal['jit', 'pmap']
    debug_nans: bool


class Train(NamedTuple):
    """config.train."""

    epochs: Annotated[float, Range(above=0)]
    steps_per_call: Natural
    evaluate_every: Natural
    checkpoint_every: Natural
    keep_checkpoints: Natural


class Pace(NamedTuple):
    """config.train, with the steps that so many epochs of a corpus are."""

    steps: int
    steps_per_call: int
    evaluate_every: int
    checkpoint_every: int
    keep_checkpoints: int


class Evaluate(NamedTuple):
    """config.evaluate."""

    sets: tuple[str, ...]
    neighbours: Some
    map_words: Some


class Axes(NamedTuple):
    """config.mesh: devices along each axis; None is chosen by parallel.layout."""

    seed: Natural | None
    data: Natural | None
