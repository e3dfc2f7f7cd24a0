"""How devices share the batch of a step: which rows are whose, and what they make of it together.

A step is written for the rows of one device. Where parameters are split over the same devices (FSDP; ZeRO stage 3,
Rajbhandari et al. 2020, arXiv 1910.02054), it is so for gradients alone, and XLA splits the rest of the step.
"""

from collections.abc import Callable

import jax
from jax.sharding import PartitionSpec as P


class All:
    """One device has all rows."""

    def __call__(self, batch):
        """Its rows of a batch."""
        return batch

    def joined(self, x):
        """The rows of all devices, of an array that has those of this one."""
        return x

    def total(self, x):
        """The sum over devices, of what each has for its rows."""
        return x

    def gradients(self, share: Callable) -> Callable:
        """Of share(params, frozen, batch, ...) of a device: (the sum over devices, its gradient by params).

        What comes after the batch is the same on all devices.
        """
        return lambda *arguments: self.total(jax.value_and_grad(share)(*arguments))


class Own(All):
    """Each of `parts` devices has the rows that are its, by the name of an axis, 'data'."""

    def __init__(self, parts: int):
        self._parts = parts

    def __call__(self, batch):
        def mine(x):
            size = x.shape[0] // self._parts
            return jax.lax.dynamic_slice_in_dim(x, jax.lax.axis_index('data') * size, size)

        # A leading 1 stands for all rows.
        return jax.tree.map(lambda x: x if x.shape[0] == 1 else mine(x), batch)

    def joined(self, x):
        return jax.lax.all_gather(x, 'data', tiled=True)

    def total(self, x):
        return jax.lax.psum(x, 'data')


class Divided(All):
    """To a step each device has all rows; where gradients are made, it has its own, and gathers parameters.

    They stay gathered for the backward pass. A policy of jax.checkpoint that has them gathered again takes the place of
    those that layers and blocks of attention have, all of whose logits are then kept.

    axes: of parameters of one model, which axis of each is split over these devices; -1: none.
    """

    def __init__(self, axes: Callable):
        self._axes = axes

    def total(self, x):
        return jax.lax.psum(x, 'data')

    def gradients(self, share):
        def of_all(params, frozen, batch, *same):
            axes, of_frozen = self._axes(params), self._axes(frozen)
            split = jax.tree.map(_spec, axes), jax.tree.map(_spec, of_frozen)
            rows = jax.tree.map(lambda x: P() if x.shape[0] == 1 else P('data'), batch)

            def of_whole(params, frozen, *others):
                return share(jax.tree.map(_gather, params, axes), jax.tree.map(_gather, frozen, of_frozen), *others)

            def of_one(*arguments):
                loss, grads = jax.value_and_grad(of_whole)(*arguments)
                # The gradient of gathering is a sum already, of which a device has its part.
                whole = jax.tree.map(lambda grad, axis: self.total(grad) if axis < 0 else grad, grads, axes)
                return self.total(loss), whole

            program = jax.shard_map(
                of_one,
                in_specs=(*split, rows, *(P() for _ in same)),
                out_specs=(P(), split[0]),
                axis_names={'data'},
                check_vma=False,
            )
            return program(params, frozen, batch, *same)

        return of_all


def _spec(axis: int) -> P:
    return P(*(None,) * axis, 'data') if axis >= 0 else P()


def _gather(x, axis: int):
    return x if axis < 0 else jax.lax.all_gather(x, 'data', axis=axis, tiled=True)
