"""One run, assembled: everything a config names, built and typed. Below this file nobody sees a config."""

import dataclasses
import functools
import hashlib
import json
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from posbench import datasets, encodings, positions
from posbench.datasets import Text
from posbench.devices import parallel
from posbench.models import transformer
from posbench.tasks.text import language_model
from posbench.training import optim, step
from posbench.training.evaluate import Evaluator


class Schedule(NamedTuple):
    """config.train."""

    length: int
    batch_size: int
    steps: int
    steps_per_call: int
    evaluate_every: int
    checkpoint_every: int
    keep_checkpoints: int


class Plan(NamedTuple):
    """config.evaluate."""

    multiples: tuple[int, ...]
    first_unseen: bool
    split: str
    tokens: int | None
    stride: int
    batch_tokens: int

    def lengths(self, train_length: int) -> list[int]:
        """Window lengths to score, shortest first; the first unseen length is the training length plus 1."""
        lengths = {multiple * train_length for multiple in self.multiples}
        return sorted(lengths | {train_length + 1} if self.first_unseen else lengths)


@dataclasses.dataclass(frozen=True)
class Job:
    """A run without its state: pure parts and plain numbers.

    A run of two phases is the job of its last one; `before` is that of the first, which ends where this one starts.
    """

    name: str
    text: Text
    task_name: str
    seeds: tuple[int, ...]
    model: transformer.Transformer
    optimizer: optax.GradientTransformation
    learning_rate: optax.Schedule
    position_map: positions.PositionMap
    layout: parallel.Layout
    schedule: Schedule
    plan: Plan
    on_device: bool
    separate_documents: bool
    encoding_name: str
    options: dict
    config_hash: str
    before: 'Job | None' = None

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
        for phase in self.phases:
            _ = phase.abstract_state
        if self.before is not None:
            lost = step.left_behind(self.before.abstract_state.params, self.abstract_state.params)
            if lost:
                raise ValueError(
                    f'config.second_phase.encoding: got {self.encoding_name!r}, whose model has no place for the '
                    f'weights {lost[0]} of the first phase; wanted layers of the same kinds where they are scanned'
                )

    def init_state(self) -> step.State:
        """The state of all seeds at step 0, where the mesh wants it."""
        return jax.jit(self._init_all, out_shardings=self._shardings())()

    def take_over(self, state: step.State) -> step.State:
        """This phase's first state, made of the last one of the phase before."""
        same = self.options['encoding'] == self.before.options['encoding']

        def of_all_seeds(state):
            take_over = functools.partial(step.take_over, optimizer=self.optimizer, same_encoding=same)
            return jax.vmap(take_over)(state, self._init_all().params)

        return jax.jit(of_all_seeds, out_shardings=self._shardings())(state)

    def _shardings(self):
        return jax.tree.map(lambda leaf: leaf.sharding, self.abstract_state)

    def _init_all(self) -> step.State:
        init = functools.partial(
            step.init_state,
            self.model,
            self.optimizer,
            length=self.schedule.length,
            position_map=self.position_map,
        )
        return jax.vmap(lambda seed: init(seed=seed))(jnp.asarray(self.seeds, jnp.int32))

    def task(self, tokens_N) -> language_model.Task:
        end = self.text.end_of_document if self.separate_documents else None
        return language_model.Task(tokens_N, end)

    def compiled_steps(self):
        """steps(state, source, count) on the devices of the mesh."""
        steps = step.make_steps(
            self.model,
            self.optimizer,
            self.position_map,
            batch_size=self.schedule.batch_size,
            length=self.schedule.length,
            most=self.schedule.steps_per_call,
        )
        return parallel.compile_steps(steps, self.layout, self.abstract_state, step.SOURCE_SPEC)

    def evaluator(self) -> Evaluator:
        return Evaluator(
            self.model, self.position_map, self.layout, self.text.characters_V, self.seeds, self.plan.batch_tokens
        )

    def parameter_counts(self) -> tuple[int, int]:
        """Trained numbers of one model, and those of its encoding among them."""
        total = of_encoding = 0
        for path, leaf in jax.tree.leaves_with_path(self.abstract_state.params):
            size = leaf.size // len(self.seeds)
            total += size
            of_encoding += size if step.of_encoding(path) else 0
        return total, of_encoding


def from_config(config, name: str) -> Job:
    """Everything of one run; prepares and tokenises the text if that was not done before.

    Raises DatasetError, MeshError, or ValueError, each with one line for the user.
    """
    seeds = tuple(config.seeds)
    # Before the text, whose preparation may take minutes.
    layout = parallel.layout(config.parallel, seeds=len(seeds), batch_size=config.train.batch_size, **dict(config.mesh))
    dataset = dict(config.dataset)
    on_device, separate_documents = dataset.pop('on_device'), dataset.pop('separate_documents')
    text = datasets.load(**dataset)
    encoding, position_options = dict(config.encoding), dict(config.positions)
    plain = json.loads(config.to_json())
    has_second_phase = config.second_phase.encoding.name is not None
    # What describes a phase that there is not decides nothing.
    hashed = plain if has_second_phase else {key: plain[key] for key in plain if key != 'second_phase'}
    job = Job(
        name=name,
        text=text,
        task_name=f'text/{text.name}',
        seeds=seeds,
        model=transformer.from_config(config, text.vocabulary),
        optimizer=optim.from_config(config.optimizer, config.train.steps),
        learning_rate=optim.learning_rate(config.optimizer, config.train.steps),
        position_map=positions.build(**position_options),
        layout=layout,
        schedule=Schedule(**config.train),
        plan=Plan(**config.evaluate),
        on_device=on_device,
        separate_documents=separate_documents,
        encoding_name=encoding.pop('name'),
        options=dict(encoding=plain['encoding'], positions=plain['positions']),
        config_hash=hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()[:16],
    )
    return _in_two_phases(job, config) if has_second_phase else job


def _in_two_phases(job: Job, config) -> Job:
    """Cuts a job in two. The first part is, bit for bit, the first part of the same job without a second phase."""
    phase, steps = config.second_phase, job.schedule.steps
    optimizer = config.optimizer.copy_and_resolve_references()
    optimizer.warmup_steps = phase.warmup_steps
    if phase.learning_rate is not None:
        optimizer.learning_rate = phase.learning_rate
    first = dataclasses.replace(
        job,
        name=f'{job.name} ({job.encoding_name})',
        schedule=job.schedule._replace(steps=steps - phase.steps),
    )
    encoding = encodings.build(**phase.encoding)
    return dataclasses.replace(
        job,
        model=job.model.clone(encoding=encoding, qk_norm=job.model.qk_norm or phase.qk_norm),
        optimizer=optim.from_config(optimizer, phase.steps),
        learning_rate=optim.learning_rate(optimizer, phase.steps),
        encoding_name=phase.encoding.name,
        options=job.options | dict(encoding=json.loads(phase.encoding.to_json())),
        before=first,
    )
