"""The interface of what trains word vectors: pure functions of arrays, and the program that makes many of their steps.

V words of the vocabulary · D width · N words of a text · R rows of a batch, which several devices share · T words of a
block · C words around a block, T + 2 window · K shared negative words of a block · M character n-grams of a word ·
S seeds

A trainer is a frozen dataclass whose fields are its options. In one run its methods are called in this order:

    prepare     the corpus as arrays: what is the same for all seeds and all steps     host, NumPy, once
    init        the tables of one seed, and what the optimizer keeps of each           traced, mapped over seeds
    batch       which rows a step reads: a function of the seed and the step           traced
    update      the tables after one step                                              traced
    held_out    the mean loss of text that is never trained on                         host, now and then
    vectors     the result                                                             host, at the end

and `make_steps` makes one program of the middle ones, which posbench/devices/parallel.py compiles as it does a model's.
Its state is any NamedTuple with the fields step, seed, params and opt_state, all with the seeds first.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from posbench import streams
from posbench.knobs import Range
from posbench.word_vectors.corpus import Corpus

Tables = dict[str, jax.Array]


def static() -> Any:
    """Marks a field of what `prepare` returns that is no array, and a constant of the compiled program."""
    return dataclasses.field(metadata={'static': True})


class Prepared:
    """Base of what a trainer makes of a corpus: a pytree whose arrays are leaves, and arguments of the program.

    A subclass is a frozen dataclass; fields marked by `static()` are hashable and no leaves.
    """

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        jax.tree_util.register_dataclass(dataclasses.dataclass(frozen=True, eq=False)(cls))


class Over(NamedTuple):
    """The devices that share a batch, by the name of their axis; None: one device has all of it."""

    axis: str | None = None

    def total(self, x: Any) -> Any:
        """The sum over devices."""
        return x if self.axis is None else jax.lax.psum(x, self.axis)

    def all(self, x: Any) -> Any:
        """The rows of all devices in the order of the batch, so that every device adds them up in the same order."""
        if self.axis is None:
            return x
        return jax.tree.map(lambda rows: jax.lax.all_gather(rows, self.axis, tiled=True), x)


class Result(NamedTuple):
    """Word vectors of one seed: words and float32 [V, D]; n-grams, where there are any, make vectors of other words."""

    words: tuple[str, ...]
    vectors_VD: np.ndarray
    ngrams: Any = None


@dataclasses.dataclass(frozen=True)
class Trainer:
    """Base of all trainers. A subclass, too, is a frozen dataclass; its annotated fields are what a config may set."""

    # D, numbers of a vector.
    width: Annotated[int, Range(min=1)] = 100
    # Words that train has fewer of are no words of the vocabulary. What a window never crosses.
    min_count: Annotated[int, Range(min=1)] = 5
    boundary: Literal['document', 'line', 'sentence'] = 'sentence'

    # Every field is an option: no model sets any.
    set_by_the_house: ClassVar[tuple[str, ...]] = ()

    # What `update` measures besides 'loss', the mean that is minimised; and what a table calls the loss.
    metrics: ClassVar[tuple[str, ...]] = ('loss',)
    loss_unit: ClassVar[str] = 'nats per pair'
    # What one unit of work is called in a bar: words of the text, or cells of a matrix.
    counts: ClassVar[str] = 'words'

    def prepare(self, corpus: Corpus, folder: Path | None = None) -> Prepared:
        """The corpus as this trainer reads it, always the same for the same corpus and options.

        `folder` is for what does not fit into memory, such as shards of a co-occurrence matrix; None: a temporary one.
        ValueError, one line, where the corpus cannot be used.
        """
        raise NotImplementedError

    def steps(self, prepared: Prepared, epochs: float) -> int:
        """Steps of that many passes, at least one."""
        raise NotImplementedError

    def work(self, prepared: Prepared) -> float:
        """What one step reads on average, in units of `counts`, for the bar."""
        raise NotImplementedError

    def init(self, prepared: Prepared, seed: jax.Array) -> tuple[Tables, Tables]:
        """(params, opt_state) of one seed before the first step, float32. Traced, and mapped over seeds."""
        raise NotImplementedError

    def batch(self, prepared: Prepared, seed: jax.Array, step: jax.Array, total: int) -> dict[str, jax.Array]:
        """What step number `step` of `total` reads: arrays with R rows first, small, the same on every device."""
        raise NotImplementedError

    def rows(self, prepared: Prepared) -> int:
        """R, which the 'data' axis of a mesh has to divide."""
        raise NotImplementedError

    def rate(self, step: jax.Array, total: int) -> jax.Array:
        """The learning rate of a step, float32; of a trainer without one, 0."""
        return jnp.float32(0)

    def update(
        self, params: Tables, opt_state: Tables, prepared: Prepared, batch: dict, rate: jax.Array, over: Over
    ) -> tuple[Tables, Tables, dict[str, jax.Array]]:
        """(params, opt_state, metrics) after one step of one seed; `batch` has the rows of this device. Traced."""
        raise NotImplementedError

    def held_out(self, params: Tables, prepared: Prepared, split: str) -> float:
        """The loss of one seed on a split, 'validation' or 'test', which is drawn the same for every seed and step."""
        raise NotImplementedError

    def vectors(self, params: Tables, prepared: Prepared) -> Result:
        """The vectors of one seed, on the host."""
        raise NotImplementedError


def make_steps(trainer: Trainer, *, total: int, most: int) -> Callable:
    """steps(state, feed, count, rows) -> (state, metrics): up to `most` steps of all seeds in one program.

    `feed.task` is what `prepare` returned; `rows` cuts out this device's rows of a batch (parallel.compile_steps).
    Seeds of one device are trained one after the other: on a CPU a step of one fills it, and a map over seeds would
    make a scatter of every sparse update. Metrics come back as [S, most]; places from `count` on are 0.
    """

    def steps(state: Any, feed: Any, count: jax.Array, rows: Callable):
        prepared = feed.task

        def of_one_seed(state):
            def body(number, carry):
                state, metrics = carry
                batch = rows(trainer.batch(prepared, state.seed, state.step, total))
                rate = trainer.rate(state.step, total)
                params, opt_state, new = trainer.update(
                    state.params, state.opt_state, prepared, batch, rate, Over('data')
                )
                state = state._replace(step=state.step + 1, params=params, opt_state=opt_state)
                return state, {name: metrics[name].at[number].set(new[name]) for name in metrics}

            empty = {name: jnp.zeros(most) for name in trainer.metrics}
            return jax.lax.fori_loop(0, count, body, (state, empty))

        return jax.lax.map(of_one_seed, state)

    return steps


def batch_key(seed: jax.Array, step: jax.Array, row: jax.Array) -> jax.Array:
    """The key of one row of a batch, the same on whichever device the row is read."""
    return jax.random.fold_in(streams.key(seed, 'batch', step), row)
