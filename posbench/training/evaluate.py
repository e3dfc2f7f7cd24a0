"""Held-out data scored with the parameters of all seeds at once: sums, and from them every metric of the task.

Dropout is off. Each shape of batch is compiled once.
"""

import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from posbench import positions, streams
from posbench.devices import parallel
from posbench.models.model import Model
from posbench.tasks import base
from posbench.training import decode, init
from posbench.training.step import with_positions


class Scored(NamedTuple):
    """Sums of one protocol at one length, for each seed; `examples` are the targets that count."""

    protocol: str
    length: int
    sums: list[base.Sums]
    examples: int


@dataclasses.dataclass(frozen=True)
class Evaluator:
    """Scores the held-out data of a task, which is the one whose data lie on the devices."""

    model: Model
    task: base.Task
    position_map: positions.PositionMap
    layout: parallel.Layout
    seeds: tuple[int, ...]
    budget: base.Budget

    def scored(self, params_S: Any, frozen: Any, split: str, length: int, *, only_main: bool = False) -> list[Scored]:
        """Every protocol of a split at a length, in the order in which the task gives them. ValueError as it raises."""
        found: dict[str, tuple] = {}
        main = next(iter(self.task.protocols))
        for protocol, batch in self.task.held_out(split, length, self.budget):
            if only_main and protocol != main:
                continue
            sums_S, number, examples = found.get(protocol, (None, 0, 0))
            examples += int(np.count_nonzero(_weights(batch)))
            more_S = self._sums(params_S, frozen, self._on_devices(batch), number)
            sums_S = more_S if sums_S is None else jax.tree.map(np.add, sums_S, more_S)
            found[protocol] = sums_S, number + 1, examples
        return [
            Scored(protocol, length, [_of_seed(sums_S, place) for place in range(len(self.seeds))], examples)
            for protocol, (sums_S, _, examples) in found.items()
        ]

    def values(self, scored: Scored) -> list[dict[str, float]]:
        """Every metric for each seed."""
        return [self.task.values(sums) for sums in scored.sums]

    @functools.cached_property
    def _placed(self) -> base.Task:
        """The task with its data on the devices, once."""
        # Several processes can send plain arrays, but no memory-mapped ones.
        task = jax.tree.map(np.asarray, self.task.without_host_data())
        return jax.device_put(task, self.layout.replicated)

    def _on_devices(self, batch: base.Batch) -> base.Batch:
        """Rows split over the data axis, filled up to a multiple of it."""
        rows, parts = len(_weights(batch)), self.layout.mesh.shape['data']
        return jax.device_put(base.filled(batch, -(-rows // parts) * parts), self.layout.rows)

    def _sums(self, params_S, frozen, batch, number: int) -> base.Sums:
        task, seed_S = self._placed, jnp.asarray(self.seeds, jnp.int32)
        sums_S = _sums(self.model, self.position_map, task, params_S, frozen, seed_S, batch, jnp.int32(number))
        return jax.tree.map(lambda x: np.asarray(x, np.float64), parallel.to_host(sums_S))


def _of_seed(sums_S: base.Sums, place: int) -> base.Sums:
    return jax.tree.map(lambda x: x[place], sums_S)


def _weights(batch: base.Batch) -> np.ndarray:
    return batch['weights_BL'] if 'weights_BL' in batch else batch['weights_B']


@functools.partial(jax.jit, static_argnums=(0, 1))
def _sums(model, position_map, task, params_S, frozen, seed_S, batch, number) -> base.Sums:
    """What a batch adds to the sums, for every seed: [S, ...] each."""

    def one_seed(params, seed):
        said, whole = outputs(model, position_map, task, init.merged(params, frozen), seed, batch, number)
        return task.score(said, whole)

    return jax.vmap(one_seed)(params_S, seed_S)


def outputs(model, position_map, task, params, seed, batch, number) -> tuple[jax.Array, base.Batch]:
    """What one model says of a held-out batch, or decodes where the task wants that; and the batch with positions."""
    key = streams.key(seed, 'evaluation', number)
    whole = with_positions(batch, position_map, key, train=False)
    if task.generates:
        return decode.greedy(model, params, position_map, key, whole), whole
    return model.apply({'params': params}, whole, method='outputs'), whole
