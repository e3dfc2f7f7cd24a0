"""One run of word vectors, assembled: what training/loop.py asks for (training/trainable.py), on a trainer and a text.

Below `from_config` nobody sees a config.
"""

import dataclasses
import functools
import json
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from posbench import datasets, identity, registry
from posbench.datasets.words import Words
from posbench.devices import described, parallel
from posbench.training import origin, step
from posbench.word_vectors import base, settings

TRAINERS = registry.Registry('word_vectors', 'Trainer')
# What config.train says of a run's pace; how many steps there are its text and its trainer say.
PACED = settings.Pace._fields[1:]


@dataclasses.dataclass(frozen=True, eq=False)
class Job:
    """A run without its state. S seeds, V words, D width.

    The tables of all seeds are the `params` of a training state, what their optimizer keeps is its `opt_state`.
    """

    name: str
    trainer: base.Trainer
    trainer_name: str
    text: Words
    prepared: base.Prepared
    seeds: tuple[int, ...]
    layout: parallel.Layout
    schedule: settings.Pace
    plan: settings.Evaluate
    options: dict
    config_hash: str
    origin: dict
    debug_nans: bool = False
    # There is one phase, and it starts from nothing.
    before = None
    start = 0
    starts_elsewhere = False

    @property
    def phases(self) -> list['Job']:
        """The only one."""
        return [self]

    @property
    def phase_name(self) -> str:
        """What a line calls it."""
        return f'the trainer {self.trainer_name}'

    @property
    def task_name(self) -> str:
        """What rows call it: of one text and vocabulary."""
        return f'word_vectors/{self.text.name}'

    @property
    def unit(self) -> str:
        """What the bar counts."""
        return self.trainer.counts

    @functools.cached_property
    def units_per_step(self) -> float:
        """Of one seed, on average."""
        return self.trainer.work(self.prepared)

    @property
    def decides(self) -> tuple[str, str]:
        """Name and unit of the validation metric that a line says."""
        return 'loss', self.trainer.loss_unit

    def at(self, step: int) -> 'Job':
        """The phase of a step."""
        return self

    def check(self) -> None:
        """Traces the first state and a step, so that what a trainer refuses is said before anything is compiled."""
        shapes = self.abstract_state
        steps = self.make_steps(1)
        feed = jax.eval_shape(lambda: step.Feed(jax.tree.map(jnp.asarray, self.prepared)))

        def alone(state, feed):
            return steps(state, feed, 1, lambda batch: batch)

        jax.eval_shape(jax.vmap(alone, in_axes=None, axis_name='data', axis_size=1), shapes, feed)

    @functools.cached_property
    def abstract_state(self) -> step.State:
        """Shapes and shardings of the state of all seeds."""
        shapes = jax.eval_shape(self._init_all, self.prepared)
        return jax.tree.map(
            lambda shape, sharding: jax.ShapeDtypeStruct(shape.shape, shape.dtype, sharding=sharding),
            shapes,
            self.layout.of_state(shapes),
        )

    def fresh_state(self, say: Callable[[str], None]) -> step.State:
        """The state of all seeds at step 0."""
        shardings = jax.tree.map(lambda leaf: leaf.sharding, self.abstract_state)
        return jax.jit(self._init_all, out_shardings=shardings)(self.prepared)

    def take_over(self, state: step.State) -> step.State:
        """Nothing comes before the only phase."""
        raise NotImplementedError

    def feeder(self) -> Callable[[int], step.Feed]:
        """A function of a step: the corpus, which all steps read, on the devices."""
        feed = step.Feed(parallel.place(jax.tree.map(np.asarray, self.prepared), self.layout))
        return lambda at: feed

    @property
    def abstract_feed(self) -> step.Feed:
        """Shapes of what the compiled steps read, each with where it lies."""
        return described.tree(step.Feed(self.prepared), self.layout)

    def make_steps(self, most: int) -> Callable:
        """steps(state, feed, count, rows), pure; see base.make_steps."""
        return base.make_steps(self.trainer, total=self.schedule.steps, most=most)

    @functools.cached_property
    def compiled_steps(self) -> Callable:
        """steps(state, feed, count) on the devices of the mesh, compiled when they are first called."""
        return parallel.compile_steps(
            self.make_steps(self.schedule.steps_per_call),
            self.layout,
            self.abstract_state,
            state_spec=step.STATE_SPEC,
            feed_spec=step.FEED_SPEC,
        )

    def learning_rate(self, step: int) -> Any:
        """The rate of a step."""
        return self.trainer.rate(jnp.int32(step), self.schedule.steps)

    def validate(self, state: step.State) -> dict[str, np.ndarray]:
        """The loss of each seed on the validation text."""
        return dict(loss=self.held_out(state.params, 'validation'))

    def held_out(self, params: dict, split: str) -> np.ndarray:
        """The loss of each seed on a split, [S]."""
        return np.array([self.trainer.held_out(of_seed, self.prepared, split) for of_seed in self._by_seed(params)])

    def results(self, params: dict) -> list[base.Result]:
        """The vectors of each seed."""
        return [self.trainer.vectors(of_seed, self.prepared) for of_seed in self._by_seed(params)]

    def table_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each table of one seed."""
        return {name: leaf.shape[1:] for name, leaf in self.abstract_state.params.items()}

    def _by_seed(self, params: dict) -> list[dict]:
        host = parallel.to_host(params)
        return [{name: table[place] for name, table in host.items()} for place in range(len(self.seeds))]

    def _init_all(self, prepared: base.Prepared) -> step.State:
        def of_seed(seed):
            params, opt_state = self.trainer.init(prepared, seed)
            # As in a model's state: nothing is frozen.
            return step.State(jnp.zeros((), jnp.int32), seed, params, opt_state)

        return jax.vmap(of_seed)(jnp.asarray(self.seeds, jnp.int32))


def from_config(config, name: str, devices: Sequence | None = None) -> Job:
    """Everything of one run; finds and counts the words of the text if that was not done before.

    `devices` may be those of a machine that is not there; see parallel.layout.
    Raises DatasetError, MeshError, or ValueError, each with one line for the user.
    """
    plain = json.loads(config.to_json())
    options = dict(config.vectors)
    trainer_name = options.pop('name')
    trainer = TRAINERS.build(trainer_name, module=options.pop('module'), **options)
    text = datasets.read('words', **config.dataset)
    try:
        prepared = trainer.prepare(text.corpus)
    except ValueError as error:
        raise ValueError(f'config.vectors.{error}') from error
    rows, train = trainer.rows(prepared), config.train
    steps = trainer.steps(prepared, train.epochs)
    if steps >= 2**31:
        raise ValueError(f'config.train.epochs: got {train.epochs:g}, which are {steps:.3g} steps, wanted below 2**31')
    return Job(
        name=name,
        trainer=trainer,
        trainer_name=trainer_name,
        text=text,
        prepared=prepared,
        seeds=tuple(config.seeds),
        layout=parallel.layout(
            config.parallel, seeds=len(config.seeds), batch_size=rows, devices=devices, **dict(config.mesh)
        ),
        schedule=settings.Pace(steps, *(dict(train)[key] for key in PACED)),
        plan=settings.Evaluate(**config.evaluate),
        options=dict(vectors=plain['vectors']),
        config_hash=identity.config_hash(plain),
        origin=origin.of(plain, text),
        debug_nans=config.debug_nans,
    )
