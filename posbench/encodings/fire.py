"""FIRE: a small network of the distance as a share of all that the query can see.

Li et al. 2024 (arXiv 2310.04418). The share of a distance is the same at any length, so that no length is out of range;
distances are compressed by a logarithm first. Each layer has a network of its own; with `shared` all layers have one.
"""

from typing import Annotated, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import distance_bias, perceptron
from posbench.knobs import Range

# Keeps 0/0 away, as in the paper's code.
EPSILON = 1e-6


class Encoding(base.PositionEncoding):
    """logits += f_h(psi(pos_q - pos_k) / psi(max(pos_q, |threshold| length))), psi(t) = ln(1 + |c t|).

    f: 1 -> `hidden` -> H with ReLU; c starts at `init_c` and threshold at 1, both trained. Up to the threshold the bias
    is one of the distance alone. Positions are those in the document. The paper's last layer has a bias, which no
    softmax hears.
    """

    hidden: Annotated[int, Range(min=1)] = 32
    length: Annotated[float, Range(above=0)] = 512.0
    init_c: Annotated[float, Range(above=0)] = 0.1
    shared: bool = False

    shift_invariant: ClassVar[bool] = False

    @property
    def per_layer(self):
        return not self.shared

    def setup(self):
        self.layers = perceptron.declare(self.param, [self.hidden], self.heads)
        self.c = self.param('c', nn.initializers.constant(self.init_c), ())
        self.threshold = self.param('threshold', nn.initializers.ones, ())

    def bias(self, pos_q_BL, pos_k_BM):
        threshold = jnp.abs(self.threshold) * self.length

        def of_pairs(pos_q, pos_k):
            seen = pos_q.astype(jnp.float32)
            return self._of(pos_q - pos_k, jnp.where(seen > threshold, seen, threshold))

        return distance_bias.tabulated(
            lambda distance: self._of(distance, threshold),
            pos_q_BL,
            pos_k_BM,
            of_pairs=of_pairs,
            only_if=pos_q_BL <= threshold,
            wide=True,
        )

    def _of(self, distance, seen):
        share = self._psi(distance.astype(jnp.float32)) / (self._psi(seen) + EPSILON)
        return perceptron.run(self.layers, share, jax.nn.relu)

    def _psi(self, tokens):
        return jnp.log1p(jnp.abs(self.c * tokens))
