"""FLOATER: position vectors that flow from one position to the next by a trained differential equation.

Liu et al. 2020 (arXiv 2003.09229, section 3). As in the released code (xuanqing94/FLOATER, `flow_func_linear` in
flow_transformer.py) the equation is solved by Runge-Kutta steps of fourth order at a fixed width, 0.01 a token, and
sinusoids stay at the input. That code takes 5 steps a token, where 1 is taken here, keeps the vectors of 400 updates,
and gives each block three vectors of its own, for queries, keys and values. Here one vector a position is added to the
input (`where='input'`), or to what enters each block (`'blocks'`).

All `max_length` vectors are computed anew wherever they are added, one after the other: slow.
"""

from typing import Annotated, ClassVar, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench.encodings import base, learned
from posbench.encodings.parts import angles, spectra
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """x += p(interval * pos) with p' = W2 [relu(W1 [p, t] + b1), t] + b2 and a trained p(0).

    W1 and W2 are trained numbers of size 1 times D^-1/2. `sinusoid` adds sines and cosines of the position at the
    input, at the frequencies of tensor2tensor. Positions end at `max_length`, and `out_of_range` says what is beyond,
    as for a learned table.
    """

    max_length: Annotated[int, Range(min=1)] = 1024
    interval: Annotated[float, Range(above=0)] = 0.01
    theta: Annotated[float, Range(above=0)] = 10_000.0
    sinusoid: bool = True
    where: Literal['input', 'blocks'] = 'input'
    out_of_range: Literal['nan', 'clip'] = 'nan'

    shift_invariant: ClassVar[bool] = False
    even_width: ClassVar[bool] = True

    def setup(self):
        unit, shape = nn.initializers.normal(1.0), (self.width + 1, self.width)
        self.start_D = self.param('start', nn.initializers.normal(self.width**-0.5), (self.width,))
        self.first_ED = self.param('first', unit, shape)
        self.first_bias_D = self.param('first_bias', nn.initializers.zeros, (self.width,))
        self.second_ED = self.param('second', unit, shape)
        self.second_bias_D = self.param('second_bias', nn.initializers.zeros, (self.width,))

    @nn.nowrap
    def has(self, hook):
        in_blocks = self.where == 'blocks'
        return (hook == 'enter' and in_blocks) or (hook == 'embed' and (self.sinusoid or not in_blocks))

    def embed(self, x_BLD, pos_BL):
        if self.sinusoid:
            omega_C = spectra.geometric_inclusive(self.theta, self.width)
            cos_BLC, sin_BLC = angles.waves(pos_BL[..., None], omega_C)
            x_BLD = x_BLD + jnp.concatenate([sin_BLC, cos_BLC], axis=-1).astype(x_BLD.dtype)
        return self._add(x_BLD, pos_BL) if self.where == 'input' else x_BLD

    def enter(self, h_BLD, h_BMD, pos_BL, order_q, order_k, layer):
        return self._add(h_BLD, pos_BL) if self.where == 'blocks' else h_BLD

    def _add(self, x_BLD, pos_BL):
        return x_BLD + learned.rows(self._table(), pos_BL, self.out_of_range).astype(x_BLD.dtype)

    def _table(self) -> jax.Array:
        """The vectors of all positions, float32 [R, D]."""

        def advance(vector_D, number):
            return self._runge_kutta(vector_D, self.interval * number, self.interval), vector_D

        return jax.lax.scan(advance, self.start_D, jnp.arange(self.max_length, dtype=jnp.float32))[1]

    def _runge_kutta(self, vector_D, time, width):
        a_D = self._slope(vector_D, time)
        b_D = self._slope(vector_D + width / 2 * a_D, time + width / 2)
        c_D = self._slope(vector_D + width / 2 * b_D, time + width / 2)
        d_D = self._slope(vector_D + width * c_D, time + width)
        return vector_D + width / 6 * (a_D + 2 * b_D + 2 * c_D + d_D)

    def _slope(self, vector_D, time):
        scale = self.width**-0.5
        hidden_D = nn.relu((vector_D @ self.first_ED[:-1] + time * self.first_ED[-1]) * scale + self.first_bias_D)
        return (hidden_D @ self.second_ED[:-1] + time * self.second_ED[-1]) * scale + self.second_bias_D
