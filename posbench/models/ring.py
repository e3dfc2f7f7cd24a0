"""Attention of a sequence that lies on several devices, each of which has as many of its blocks as another.

Each device keeps its queries, and what they have seen so far; the keys go round. As a device hands its keys to the one
after it, causal queries meet their own keys first, then those of the device before, and so on: from right to left, as
attention.py reads them on one device, so that whatever an encoding carries from block to block stays with the queries.
The keys that come last are later than the queries and skipped. Liu et al. 2023 (arXiv 2310.01889) call it ring
attention. A device holds its part of the sequence and another device's: O(L / devices), with blocks of a fixed size.
"""

from typing import Any, NamedTuple

import jax
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P


class Ring(NamedTuple):
    """The devices along one axis of a mesh, which share each sequence; XLA sees to the other axes."""

    mesh: Mesh
    axis: str = 'sequence'

    @property
    def size(self) -> int:
        return self.mesh.shape[self.axis]

    def split(self, x_BL: jax.Array) -> jax.Array:
        """An array with tokens in its second axis, of which each device has a part."""
        others = [P.UNCONSTRAINED] * (x_BL.ndim - 2)
        spec = P(P.UNCONSTRAINED, self.axis, *others)
        return jax.lax.with_sharding_constraint(x_BL, NamedSharding(self.mesh, spec))

    def check(self, *, whole: bool, causal: bool, carry: Any) -> None:
        """ValueError, one line, for attention that cannot go round."""
        if not whole:
            raise ValueError('attend: got a ring with a cache, another sequence or a mask, wanted whole sequences.')
        if not causal and jax.tree.leaves(carry):
            raise ValueError(
                'attend: got a ring, an encoder, and an encoding that carries sums from the last key to the first, '
                'wanted config.mesh.sequence=1: each device begins with keys of its own.'
            )

    def turn(self, first, read, finish, query_blocks, key_blocks):
        """finish(read(first(queries), queries, all keys), queries) of each block, stacked as the blocks are.

        Where keys come round, read(so far, queries, some blocks of keys) takes those of one device.
        """
        following = [(device, (device + 1) % self.size) for device in range(self.size)]

        def on_device(query_blocks, key_blocks):
            def read_all(so_far, key_blocks):
                return jax.lax.map(lambda part: read(*part, key_blocks), (so_far, query_blocks))

            def pass_on(_, carry):
                so_far, key_blocks = carry
                so_far = read_all(so_far, key_blocks)
                return so_far, jax.tree.map(lambda x: jax.lax.ppermute(x, self.axis, following), key_blocks)

            so_far, last = jax.lax.fori_loop(0, self.size - 1, pass_on, (jax.lax.map(first, query_blocks), key_blocks))
            return jax.lax.map(lambda part: finish(*part), (read_all(so_far, last), query_blocks))

        split = jax.shard_map(
            on_device,
            mesh=self.mesh,
            in_specs=P(self.axis),
            out_specs=P(self.axis),
            axis_names={self.axis},
            check_vma=False,
        )
        return split(query_blocks, key_blocks)
