"""The channels of a model, cut into those of its heads."""

import jax


def cut(x_BLD: jax.Array, heads: int, head_width: int) -> jax.Array:
    """The channels of a model cut into those of its heads, [B, L, H, K]. ValueError where they are not as many."""
    if heads * head_width != x_BLD.shape[-1]:
        raise ValueError(
            f'encoding: got {heads} heads of {head_width} channels, wanted as many channels as the model has, which is '
            f'{x_BLD.shape[-1]}: the encoding cuts the input of a layer into heads.'
        )
    return x_BLD.reshape(*x_BLD.shape[:2], heads, head_width)
