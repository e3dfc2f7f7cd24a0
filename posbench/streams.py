"""Random numbers: one seed, named streams, a fresh key for every step. Nothing is carried along or saved."""

import jax

# The order is part of every result: new streams go to the end.
NAMES = ('parameters', 'batch', 'dropout', 'positions', 'evaluation', 'generation', 'held_out')


def key(seed: jax.Array | int, stream: str, step: jax.Array | int = 0) -> jax.Array:
    """The key of a stream at a step; ValueError for a stream that has no name in NAMES."""
    return jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), NAMES.index(stream)), step)
