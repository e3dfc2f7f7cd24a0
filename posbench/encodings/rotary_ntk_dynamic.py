"""Dynamic NTK scaling: the base grows with the sequence, so that short ones are rotated as in training.

emozilla 2023 ("Dynamically Scaled RoPE", r/LocalLLaMA); Peng et al. 2024 (arXiv 2309.00071, section 3.3). The length is
that of a token's own row and segment, from its lowest to its highest position. (Hugging Face takes the highest one of
the whole batch, so that a text depends on its batch mates, and on where its positions begin.)
"""

import functools
from typing import Annotated, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from posbench.encodings import rotary
from posbench.encodings.parts import angles, running, spectra
from posbench.knobs import Range


def lengths(pos_BM: jax.Array, order) -> jax.Array:
    """Highest minus lowest position of each token's segment, plus one: [B, M] or [1, M]; anything for padding."""
    lowest_B1, highest_B1 = pos_BM.min(axis=1, keepdims=True), pos_BM.max(axis=1, keepdims=True)
    # Counted from the ends of the row, padding included, because running maxima are of numbers that are not negative.
    above_BM = running.maximum_of_segment(pos_BM - lowest_B1, order)
    below_BM = running.maximum_of_segment(highest_B1 - pos_BM, order)
    return above_BM + below_BM - (highest_B1 - lowest_B1) + 1


class Encoding(rotary.Encoding):
    """Rotary with the base theta * (factor n / L - (factor - 1))^(d/(d - 2)), n = max(length, L).

    L is `original_length`, by default the training length of the default config. With factor 1, the default as in the
    code of emozilla, the base grows with n / L itself. Keys are turned anew at each step of decoding, but
    what higher layers made of a shorter text stays in a cache: past L more than one layer decode to other logits than
    reading at once.
    """

    factor: Annotated[float, Range(min=1)] = 1.0
    original_length: Annotated[int, Range(min=1)] = 128

    depends_on_length: ClassVar[bool] = True

    def accumulate(self, aux_BM, pos_BM, order):
        return lengths(pos_BM, order)

    @nn.nowrap
    def spectrum(self, width, aux=None):
        """Without lengths: as if nothing was longer than `original_length`."""
        omega_C = spectra.geometric(self.theta, width)
        if aux is None:
            return omega_C, 1.0
        excess_BL1 = jnp.maximum(aux - self.original_length, 0).astype(jnp.float32)[..., None] / self.original_length
        # The base itself would lose digits in float32; its logarithm is small, and 0 for short sequences.
        exponent_C = jnp.asarray(spectra.ntk_exponents(width), jnp.float32)
        shrink_BLC = jnp.exp(-exponent_C * jnp.log1p(self.factor * excess_BL1))
        # Kept apart: what is in float64 stays so where nothing is shrunk.
        frequencies = angles.frequency(np.float32(omega_C) * shrink_BLC), angles.frequency(omega_C)
        return jax.tree.map(functools.partial(jnp.where, excess_BL1 > 0), *frequencies), 1.0
