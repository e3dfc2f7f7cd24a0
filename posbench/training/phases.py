"""A run whose last steps have another encoding: config.second_phase."""

import dataclasses
import json
from typing import Any

from posbench import encodings
from posbench.training import optim


def cut(job: Any, config) -> Any:
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
    # What is left of the steps in which they are not trained.
    held = job.init._replace(first_steps=max(job.init.first_steps - first.schedule.steps, 0))
    body = job.model.body.clone(encoding=encodings.build(**phase.encoding))
    if phase.qk_norm:
        if not hasattr(body, 'qk_norm'):
            raise ValueError('config.second_phase.qk_norm: got True, wanted False for a body without queries and keys')
        body = body.clone(qk_norm=True)
    return dataclasses.replace(
        job,
        model=job.model.clone(body=body),
        optimizer=optim.from_config(optimizer, phase.steps, held=held),
        learning_rate=optim.learning_rate(optimizer, phase.steps),
        encoding_name=phase.encoding.name,
        options=job.options | dict(encoding=json.loads(phase.encoding.to_json())),
        before=first,
    )
