"""The programs of a run, which are compiled before any of them runs: its training, and every shape that it scores."""

import dataclasses
from collections.abc import Iterator

import jax
import jax.numpy as jnp

from posbench.devices import described, parallel
from posbench.devices.programs import Program
from posbench.training.job import Job
from posbench.training.trainable import Trainable


def on(job: Trainable, layout: parallel.Layout) -> Trainable:
    """The same run on another mesh of the same kind of devices."""
    changes = {} if job.before is None else dict(before=on(job.before, layout))
    return dataclasses.replace(job, layout=layout, **changes)


def training(job: Trainable) -> list[Program]:
    """The steps of one call, of all seeds: one program for each phase."""
    found = []
    for phase in job.phases:
        name = f'training with {phase.phase_name}' if len(job.phases) > 1 else 'training'
        state = described.state(phase.abstract_state, phase.layout)
        arguments = state, phase.abstract_feed, jax.ShapeDtypeStruct((), jnp.int32)
        found.append(Program(name, phase.compiled_steps, arguments))
    return found


def evaluation(job: Job) -> list[Program]:
    """One program for each shape of batch that is scored, the longest one first; lengths that are filled up share one.

    Of a run of two phases those of both.
    """
    found = []
    for phase in reversed(job.phases):
        told = f' with {phase.phase_name}' if len(job.phases) > 1 else ''
        for rows, length, batch in _shapes(phase):
            name = f'evaluation of {rows} x {length:,} tokens{told}'
            state = phase.abstract_state
            found.append(Program(name, *phase.evaluator.program(state.params, state.frozen, batch)))
    return found


def _shapes(phase: Job) -> Iterator[tuple[int, int, dict]]:
    plan, length = phase.plan, phase.schedule.length
    batches = [batch for each in plan.scored(length) for batch in phase.evaluator.batches(plan.split, each)]
    batches += phase.evaluator.batches('validation', length, only_main=True)
    distinct: dict[tuple, dict] = {}
    for batch in batches:
        distinct.setdefault(tuple(sorted((name, x.shape, str(x.dtype)) for name, x in batch.items())), batch)
    sized = [(*_read(batch), batch) for batch in distinct.values()]
    yield from sorted(sized, key=lambda one: one[1::-1], reverse=True)


def _read(batch: dict) -> tuple[int, int]:
    """Rows, and places of the longest sequence that is read."""
    read = [batch[name] for name in ('source_BM', 'inputs_BL', 'inputs_BLC') if name in batch]
    return read[0].shape[0], max(one.shape[1] for one in read)
