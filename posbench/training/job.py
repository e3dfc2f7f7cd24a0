"""One run, assembled: everything a config names, built and typed. Below this file nobody sees a config."""

import dataclasses
import functools
import json
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from posbench import datasets, identity, positions, tasks
from posbench.devices import parallel
from posbench.models import build
from posbench.models.model import Model
from posbench.tasks import base
from posbench.training import fitting, init, optim, origin, phases, probe, settings, step, tags, vectors
from posbench.training.evaluate import Evaluator
from posbench.training.kinds import of_encoding


@dataclasses.dataclass(frozen=True)
class Job:
    """A run without its state: pure parts and plain numbers.

    A run of two phases is the job of its last one; `before` is that of the first, which ends where this one starts.
    `origin` is what its numbers come from, see origin.py; `table` is what a file says of the tokens, if there is one.
    """

    name: str
    task: base.Task
    task_name: str
    seeds: tuple[int, ...]
    model: Model
    optimizer: optax.GradientTransformation
    learning_rate: optax.Schedule
    position_map: positions.PositionMap
    layout: parallel.Layout
    schedule: settings.Train
    plan: settings.Evaluate
    init: settings.Init
    encoding_name: str
    options: dict
    config_hash: str
    origin: dict
    debug_nans: bool = False
    before: 'Job | None' = None
    table: vectors.Table | None = None

    @property
    def phases(self) -> list['Job']:
        """This phase and those before it, in the order in which they are trained."""
        return [self] if self.before is None else [*self.before.phases, self]

    @property
    def start(self) -> int:
        """Steps that were trained before this phase."""
        return 0 if self.before is None else self.before.schedule.steps

    def at(self, step: int) -> 'Job':
        """The phase that a state after `step` steps belongs to: at a border, the one that ends there."""
        return next(phase for phase in self.phases if step <= phase.schedule.steps)

    @functools.cached_property
    def abstract_state(self) -> step.State:
        """Shapes and shardings of the state of all seeds."""
        shapes = jax.eval_shape(self._init_all)
        shardings = self.layout.of_state(shapes)
        return jax.tree.map(
            lambda shape, sharding: jax.ShapeDtypeStruct(shape.shape, shape.dtype, sharding=sharding), shapes, shardings
        )

    def check(self) -> None:
        """Traces every model, so that what its modules refuse is a ValueError before anything is compiled."""
        fitting.check(self.model, self.task, self._abstract_batch)
        if self.layout.sequence > 1:
            for phase in self.phases:
                fitting.check_sequence(phase.model, self.task)
        if self.plan.probe:
            probe.check(self.model)
        fitting.check_patterns(self.init, [phase.abstract_state for phase in self.phases])
        if self.before is not None:
            left = self._matched(self.before.abstract_state).left
            lost = [path for path in left if not of_encoding(path)]
            if lost:
                raise ValueError(
                    f'config.second_phase.encoding: got {self.encoding_name!r}, whose model has no place for the '
                    f'weights {lost[0]} of the first phase; wanted layers of the same kinds where they are scanned'
                )

    @property
    def phase_name(self) -> str:
        """What a line calls this phase."""
        return f'the encoding {self.encoding_name}'

    @property
    def unit(self) -> str:
        """What the bar counts."""
        return 'tokens'

    @property
    def units_per_step(self) -> int:
        """Tokens of a step of one seed."""
        return self.schedule.batch_size * self.task.tokens(self.schedule.length)

    def check_lengths(self) -> None:
        """ValueError, before anything is trained, where something is too short for a length that is to be scored, or
        the task has no held-out data of it.
        """
        for phase in self.phases:
            fitting.check_sizes(
                phase.model,
                self.task,
                self.position_map,
                length=self.schedule.length,
                longest=self._budget.longest,
                batch_tokens=self.plan.batch_tokens,
                where='config.encoding' if phase.before is None else 'config.second_phase.encoding',
            )
        for length in self.plan.scored(self.schedule.length):
            next(iter(self.task.held_out(self.plan.split, length, self._budget)), None)
        next(iter(self.task.held_out('validation', self.schedule.length, self._budget)), None)

    def init_state(self) -> step.State:
        """The state of all seeds at step 0, where the mesh wants it."""
        state = jax.jit(self._init_all, out_shardings=self._shardings())()
        return state if self.table is None else self.table.fill(state)

    def fresh_state(self, say: Callable[[str], None]) -> step.State:
        """The state at step 0, with the weights that `config.init` takes from elsewhere; `say` takes lines on them."""
        state = self.init_state()
        if not self.starts_elsewhere:
            return state
        given = init.read(self.init.folder)
        state, found = self.start_from(state, given)
        for line in found.sentences(given.name):
            say(line)
        return state

    @property
    def starts_elsewhere(self) -> bool:
        """Whether the first state has weights that were trained before."""
        return self.init.folder is not None

    def take_over(self, state: step.State) -> step.State:
        """This phase's first state, made of the last one of the phase before: weights go on, and batches by the step.

        What only this phase's model has is drawn, and so are the parameters of its encoding unless it is the same
        encoding. The optimizer starts anew, because its averages are of gradients under the other encoding; Gelberg et
        al. 2025 (arXiv 2512.12167) give the second phase a learning rate and a warm-up of its own (appendix C), and
        their code starts it from the weights alone.
        """
        taken = self._matched(state).taken

        def made(state):
            fresh, leaves = self._init_all(), init.leaves_of(state)
            params, frozen = (init.take(tree, leaves, taken) for tree in (fresh.params, fresh.frozen))
            return fresh._replace(step=state.step, seed=state.seed, params=params, frozen=frozen)

        return jax.jit(made, out_shardings=self._shardings())(state)

    def start_from(self, state: step.State, given: init.Given) -> tuple[step.State, init.Taken]:
        """A first state with the weights that `config.init` takes from elsewhere, and what matched.

        InitError where nothing did, and where seeds that share what is frozen take other values for it.
        """
        leaves_S = init.of_seeds(given, self.seeds, self.init.seed)
        first = {path: leaf[0] for path, leaf in leaves_S.items()}
        # Of one seed, as frozen ones are.
        shapes = {path: leaf.shape[1:] for path, leaf in init.by_path(state.params).items()}
        shapes |= _shapes(init.by_path(state.frozen))
        found = init.match(shapes, _shapes(first), lambda path: init.fits(path, self.init.take))
        if not found.taken:
            raise init.InitError(
                f'config.init.folder: got {given.name}, none of whose weights is one of config.init.take in this '
                f'model; {init.some(found.missing)} are missing there or of another shape'
            )
        for path in set(init.by_path(state.frozen)) & set(found.taken):
            if (leaves_S[path] != leaves_S[path][:1]).any():
                raise init.InitError(
                    f'config.init.seed: got None, wanted one of {given.seeds}, because {path} is frozen, which all '
                    f'seeds share, and differs from seed to seed in {given.name}'
                )
        params = init.take(state.params, leaves_S, found.taken)
        frozen = init.take(state.frozen, first, found.taken)
        return jax.device_put(state._replace(params=params, frozen=frozen), self._shardings()), found

    def _matched(self, state: step.State) -> init.Taken:
        """What this phase takes from the last state of the phase before."""
        same = self.options['encoding'] == self.before.options['encoding']
        shapes, given = (_shapes(init.leaves_of(one)) for one in (self.abstract_state, state))
        return init.match(shapes, given, lambda path: same or not of_encoding(path))

    def _shardings(self):
        return jax.tree.map(lambda leaf: leaf.sharding, self.abstract_state)

    @functools.cached_property
    def _abstract_batch(self) -> base.Batch:
        """The shapes of a training batch with one row."""
        length = self.schedule.length
        return jax.eval_shape(lambda task: task.sample(jax.random.key(0), 1, length), self.task)

    def _init_all(self) -> step.State:
        shapes = self._abstract_batch

        def of_seed(seed):
            zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
            # Initial weights depend on no position; the map only says how many coordinates a position has.
            example = step.with_positions(zeros, self.position_map, jax.random.key(0), train=True)
            return step.init_state(
                self.model, self.optimizer, seed, example, lambda path: init.fits(path, self.init.freeze)
            )

        state = jax.vmap(of_seed)(jnp.asarray(self.seeds, jnp.int32))
        # Once for all seeds.
        return state._replace(frozen=jax.tree.map(lambda leaf: leaf[0], state.frozen))

    def make_steps(self, most: int) -> Callable:
        """steps(state, feed, count, rows), pure; see step.make_steps."""
        return step.make_steps(
            self.model,
            self.optimizer,
            self.position_map,
            batch_size=self.schedule.batch_size,
            length=self.schedule.length,
            most=most,
        )

    @functools.cached_property
    def compiled_steps(self) -> Callable:
        """steps(state, source, count) on the devices of the mesh, compiled when they are first called."""
        steps = self.make_steps(self.schedule.steps_per_call)
        return parallel.compile_steps(
            steps, self.layout, self.abstract_state, state_spec=step.STATE_SPEC, feed_spec=step.FEED_SPEC
        )

    def feeder(self) -> Callable[[int], step.Feed]:
        """A function of a step: what the compiled steps from there on read."""
        if self.task.from_host:
            # Filled up to a full call, so that the shape never changes.
            return lambda at: step.host_feed(self.task, self.seeds, at, self.schedule, self.layout)
        feed = self.device_feed()
        return lambda at: feed

    def device_feed(self) -> step.Feed:
        """The task with its data on the devices."""
        return step.Feed(parallel.place(jax.tree.map(np.asarray, self.task), self.layout))

    @property
    def abstract_feed(self) -> step.Feed:
        """Shapes of what the compiled steps read, each with where it lies."""
        return step.abstract_feed(self.task, self.seeds, self.schedule, self.layout)

    def validate(self, state: step.State) -> dict[str, np.ndarray]:
        """Every metric of each seed on the validation data, at the training length, under the main protocol."""
        evaluator = self.evaluator
        (scored,) = evaluator.scored(state.params, state.frozen, 'validation', self.schedule.length, only_main=True)
        values = evaluator.values(scored)
        return {name: np.array([value[name] for value in values]) for name in self.task.metrics}

    @property
    def decides(self) -> tuple[str, str]:
        """Name and unit of the metric that ranks models."""
        name = base.deciding(self.task.metrics)
        return name, self.task.metrics[name].unit

    @functools.cached_property
    def evaluator(self) -> Evaluator:
        """What scores the parameters of this phase; one for all validations, so that its task is sent but once."""
        return Evaluator(self.model, self.task, self.position_map, self.layout, self.seeds, self._budget)

    @property
    def _budget(self) -> base.Budget:
        longest, shapes = self.plan.scored(self.schedule.length)[-1], self.plan.shapes(self.schedule.length)
        return base.Budget(self.plan.tokens, self.plan.batch_tokens, longest, shapes)

    def parameter_counts(self) -> tuple[int, int]:
        """Numbers of one model, frozen ones among them, and those of its encoding among them."""
        total = of_the_encoding = 0
        state, seeds = self.abstract_state, len(self.seeds)
        for leaves, copies in ((init.by_path(state.params), seeds), (init.by_path(state.frozen), 1)):
            for path, leaf in leaves.items():
                total += leaf.size // copies
                of_the_encoding += leaf.size // copies if of_encoding(path) else 0
        return total, of_the_encoding


def _shapes(leaves: dict[str, Any]) -> dict[str, tuple]:
    return {path: leaf.shape for path, leaf in leaves.items()}


def from_config(config, name: str, devices: Sequence | None = None) -> Job:
    """Everything of one run; prepares and tokenises the text if that was not done before.

    `devices` may be those of a machine that is not there; see parallel.layout.
    Raises DatasetError, MeshError, or ValueError, each with one line for the user.
    """
    seeds, rows = tuple(config.seeds), config.train.batch_size
    # Before the data, whose preparation may take minutes.
    layout = parallel.layout(config.parallel, seeds=len(seeds), batch_size=rows, devices=devices, **dict(config.mesh))
    task, title, dataset = _task(config)
    data_dir = None if config.dataset is None else config.dataset.get('data_dir')
    table = vectors.of_input(dict(config.input), task, dataset, data_dir)
    encoding = dict(config.encoding)
    plain = json.loads(config.to_json())
    has_second_phase = config.second_phase.encoding.name is not None
    started = settings.Init(**config.init)
    job = Job(
        name=name,
        task=task,
        task_name=title,
        seeds=seeds,
        model=build.from_config(config, task, platform=layout.platform, source=table and table.source),
        optimizer=optim.from_config(config.optimizer, config.train.steps, held=started),
        learning_rate=optim.learning_rate(config.optimizer, config.train.steps),
        position_map=_position_map(config, task),
        layout=layout,
        schedule=settings.Train(**config.train),
        plan=settings.Evaluate(**config.evaluate),
        init=started,
        encoding_name=encoding.pop('name'),
        options=dict(encoding=plain['encoding'], positions=plain['positions']),
        config_hash=identity.config_hash(plain),
        origin=origin.of(plain, dataset, table and table.origin),
        debug_nans=config.debug_nans,
        table=table,
    )
    return phases.cut(job, config) if has_second_phase else job


def _task(config) -> tuple[base.Task, str, Any]:
    """The task on its data, what rows call it, and the data; None where it needs none."""
    options = dict(config.task)
    name, module = options.pop('name'), options.pop('module')
    reads = tasks.TASKS.find(name, module).reads
    dataset = None if reads is None else datasets.read(reads, **config.dataset)
    task = tasks.build(name, module=module, dataset=dataset, **options)
    if options.get('tagger') is not None:
        task = task.with_tags(tags.read(options['tagger'], from_config))
        dataset = task.dataset
    return task, task.title(name), dataset


def _position_map(config, task: base.Task) -> positions.PositionMap:
    """The map, for the tokens of the task."""
    found = positions.build(**dict(config.positions))
    return found.of_tokens(task.spelled, task.vocabulary) if found.looks_for else found
