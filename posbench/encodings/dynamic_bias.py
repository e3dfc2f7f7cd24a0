"""A small network of the distance: CrossFormer's dynamic position bias, Swin v2's continuous one, along one axis.

Wang et al. 2021 (arXiv 2108.00154, section 3.3) and Liu et al. 2022 (arXiv 2111.09883, section 3.3). The defaults are
the form that it has for sequences in x-transformers (`DynamicPositionBias`, no normalisation), with a network for each
layer as in both papers. Swin v2 has depth=1, hidden=512, activation='relu', log_distance=True and bound=16; its code
also divides distances by the size of a window, of which a sequence has none.
"""

from typing import Annotated, ClassVar, Literal

import jax
import jax.numpy as jnp

from posbench.encodings.parts import distance_bias, perceptron
from posbench.knobs import Range


class Encoding(distance_bias.DistanceBias):
    """logits += f_h(pos_q - pos_k), f: 1 -> hidden -> ... -> H with `depth` hidden layers.

    `hidden` None: a quarter of the model's width. `log_distance`: of sign(d) ln(1 + |d|) instead of d. `bound`:
    bound * sigmoid(f_h) instead of f_h.
    """

    hidden: Annotated[int, Range(min=1)] | None = None
    depth: Annotated[int, Range(min=1, max=64)] = 2
    activation: Literal['silu', 'relu'] = 'silu'
    log_distance: bool = False
    bound: Annotated[float, Range(above=0)] | None = None

    per_layer: ClassVar[bool] = True
    wide = True

    def setup(self):
        hidden = max(self.width // 4, 1) if self.hidden is None else self.hidden
        self.layers = perceptron.declare(self.param, self.depth * [hidden], self.heads)

    def of_distance(self, distance):
        x = distance.astype(jnp.float32)
        if self.log_distance:
            x = jnp.sign(x) * jnp.log1p(jnp.abs(x))
        out = perceptron.run(self.layers, x, {'silu': jax.nn.silu, 'relu': jax.nn.relu}[self.activation])
        return out if self.bound is None else self.bound * jax.nn.sigmoid(out)
