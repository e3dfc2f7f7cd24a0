"""Held-out data scored with the parameters of all seeds at once: sums, and from them every metric of the task.

Dropout is off. Each shape of batch is compiled once. Sums are kept by parts of the data besides, which say how much a
value would differ on other data of that kind (jackknife: J. Tukey 1958; R. Miller, The jackknife, Biometrika 61, 1974).
"""

import collections
import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from posbench import positions, streams
from posbench.devices import described, parallel
from posbench.models.model import Model
from posbench.models.ring import Ring
from posbench.tasks import base
from posbench.training import decode, init
from posbench.training.step import with_positions

# Parts that scored data are cut into: at least so many, and fewer than twice as many, where there are as many rows.
PARTS = 32


class Scored(NamedTuple):
    """Sums of one protocol at one length, for each seed; `examples` are the targets that count.

    `parts` are the sums of consecutive rows, for each seed as many, which add up to `sums`.
    """

    protocol: str
    length: int
    sums: list[base.Sums]
    examples: int
    parts: list[list[base.Sums]]


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
        found: dict[str, Parts] = {}
        examples = collections.Counter()
        if self.layout.shard_parameters:
            # Once for all batches: left to itself XLA may gather rows instead, and score all of them on each device.
            given = dict(params=params_S, frozen=frozen)
            whole = jax.jit(lambda given: given, out_shardings=self.layout.whole.of_state(given))(given)
            params_S, frozen = whole['params'], whole['frozen']
        main = next(iter(self.task.protocols))
        for protocol, batch in self.task.held_out(split, length, self.budget):
            if only_main and protocol != main:
                continue
            parts = found.setdefault(protocol, Parts())
            weights = _weights(batch)
            sums_SB = self._sums(params_S, frozen, self._on_devices(batch), parts.batches)
            # Rows that fill a batch up are no data.
            parts.add(sums_SB, np.flatnonzero(weights.reshape(len(weights), -1).any(axis=1)))
            examples[protocol] += int(np.count_nonzero(weights))
        seeds = range(len(self.seeds))
        return [
            Scored(
                protocol,
                length,
                [_of_seed(parts.total, place) for place in seeds],
                examples[protocol],
                [[_of_seed(sums_S, place) for sums_S in parts.sums] for place in seeds],
            )
            for protocol, parts in found.items()
        ]

    def batches(self, split: str, length: int, *, only_main: bool = False) -> list[dict[str, jax.ShapeDtypeStruct]]:
        """The distinct shapes of batches that `scored` would send to the devices, each with where it lies."""
        found: dict[str, dict] = {}
        main = next(iter(self.task.protocols))
        wanted = {main} if only_main else set(self.task.protocols)
        for protocol, batch in self.task.held_out(split, length, self.budget):
            if protocol in wanted:
                found.setdefault(protocol, self._described(batch))
            if found.keys() == wanted:
                break
        return [batch for number, batch in enumerate(found.values()) if batch not in list(found.values())[:number]]

    def program(self, params_S: Any, frozen: Any, batch: dict[str, jax.ShapeDtypeStruct]) -> tuple[Any, tuple]:
        """The function that scores batches of these shapes, and the shapes of its arguments."""
        task = described.tree(self.task.without_host_data(), dataclasses.replace(self.layout, mode='jit'))
        whole = described.state(
            dict(params=params_S, frozen=frozen), dataclasses.replace(self.layout.whole, mode='jit')
        )
        seed_S = jax.ShapeDtypeStruct((len(self.seeds),), jnp.int32)
        number = jax.ShapeDtypeStruct((), jnp.int32)
        parameters = whole['params'], whole['frozen']
        return _sums, (self._model, self.position_map, task, *parameters, seed_S, batch, number)

    def values(self, scored: Scored) -> list[dict[str, float]]:
        """Every metric for each seed."""
        return [self.task.values(sums) for sums in scored.sums]

    def on_parts(self, scored: Scored, metric: str) -> list[list[float]]:
        """Pseudo-values of a metric, one a part of the data, for each seed; none where there is but one part.

        Their mean is about the value, and they vary as independent pieces of data do: the standard deviation of their
        mean, or of the mean of their differences from those of other weights or another length, is what chance in the
        choice of the data does to it. Of a mean over rows they are the means of the parts.
        """
        return [
            _pseudo_values(lambda one: self.task.values(one)[metric], sums, parts) if len(parts) > 1 else []
            for sums, parts in zip(scored.sums, scored.parts)
        ]

    @functools.cached_property
    def _model(self) -> Model:
        """The model, which may share sequences among devices where they are scored."""
        if self.layout.sequence == 1:
            return self.model
        return self.model.clone(body=self.model.body.clone(ring=Ring(self.layout.scoring)))

    @functools.cached_property
    def _placed(self) -> base.Task:
        """The task with its data on the devices, once."""
        # Several processes can send plain arrays, but no memory-mapped ones.
        task = jax.tree.map(np.asarray, self.task.without_host_data())
        return jax.device_put(task, self.layout.replicated)

    def _on_devices(self, batch: base.Batch) -> base.Batch:
        """Rows split over the data axis, filled up to a multiple of it."""
        return jax.device_put(base.filled(batch, self._rows(batch)), self.layout.rows)

    def _rows(self, batch: base.Batch) -> int:
        rows, parts = len(_weights(batch)), self.layout.scoring.shape['data']
        return -(-rows // parts) * parts

    def _described(self, batch: base.Batch) -> dict[str, jax.ShapeDtypeStruct]:
        """As `_on_devices`, without sending anything."""
        rows = self._rows(batch)
        # What jax makes of 64 bits that NumPy counts in.
        kinds = {name: jax.dtypes.canonicalize_dtype(np.asarray(x).dtype) for name, x in batch.items()}
        return {
            name: jax.ShapeDtypeStruct((rows, *np.shape(x)[1:]), kinds[name], sharding=self.layout.rows)
            for name, x in batch.items()
        }

    def _sums(self, params_S, frozen, batch, number: int) -> base.Sums:
        task, seed_S = self._placed, jnp.asarray(self.seeds, jnp.int32)
        sums_SB = _sums(self._model, self.position_map, task, params_S, frozen, seed_S, batch, jnp.int32(number))
        return jax.tree.map(lambda x: np.asarray(x, np.float64), parallel.to_host(sums_SB))


class Parts:
    """Sums of consecutive rows, `size` of them a part; parts are joined two by two where there would be too many."""

    def __init__(self):
        self.sums: list[base.Sums] = []  # [S, ...] each
        self.size, self.room, self.batches = 1, 0, 0
        self.total: base.Sums | None = None

    def add(self, sums_SB: base.Sums, rows: np.ndarray) -> None:
        """The sums of a batch, by seed and row, of which these rows count."""
        self.batches += 1
        every_S = jax.tree.map(lambda x_SB: x_SB.sum(axis=1), sums_SB)
        self.total = every_S if self.total is None else jax.tree.map(np.add, self.total, every_S)
        for row in rows:
            self._add(jax.tree.map(lambda x_SB, row=row: x_SB[:, row], sums_SB))

    def _add(self, sums_S: base.Sums) -> None:
        if self.room:
            self.sums[-1] = jax.tree.map(np.add, self.sums[-1], sums_S)
            self.room -= 1
            return
        if len(self.sums) == 2 * PARTS - 1:
            # The last one, which is left over, takes as many rows as the others now have.
            paired = zip(self.sums[:-1:2], self.sums[1::2])
            self.sums = [*(jax.tree.map(np.add, *pair) for pair in paired), self.sums[-1]]
            self.room, self.size = self.size, 2 * self.size
            self._add(sums_S)
            return
        self.sums.append(sums_S)
        self.room = self.size - 1


def _pseudo_values(value, sums: base.Sums, parts: list[base.Sums]) -> list[float]:
    whole, count = value(sums), len(parts)
    return [count * whole - (count - 1) * value(jax.tree.map(np.subtract, sums, part)) for part in parts]


def _of_seed(sums_S: base.Sums, place: int) -> base.Sums:
    return jax.tree.map(lambda x: x[place], sums_S)


def _weights(batch: base.Batch) -> np.ndarray:
    return batch['weights_BL'] if 'weights_BL' in batch else batch['weights_B']


@functools.partial(jax.jit, static_argnums=(0, 1))
def _sums(model, position_map, task, params_S, frozen, seed_S, batch, number) -> base.Sums:
    """What each row of a batch adds to the sums, for every seed: [S, B, ...] each."""

    def one_seed(params, seed):
        said, _ = outputs(model, position_map, task, init.merged(params, frozen), seed, batch, number)
        return jax.vmap(one_row)(said, batch)

    def one_row(said, row):
        return task.score(*jax.tree.map(lambda x: x[None], (said, row)))

    return jax.vmap(one_seed)(params_S, seed_S)


def key_of(seed, number) -> jax.Array:
    """What positions are drawn from for held-out batch `number`."""
    return streams.key(seed, 'evaluation', number)


def outputs(model, position_map, task, params, seed, batch, number) -> tuple[jax.Array, base.Batch]:
    """What one model says of a held-out batch, or decodes where the task wants that; and the batch with positions."""
    key = key_of(seed, number)
    whole = with_positions(batch, position_map, key, train=False)
    if task.generates:
        return decode.greedy(model, params, position_map, key, whole), whole
    return model.apply({'params': params}, whole, method='outputs'), whole
