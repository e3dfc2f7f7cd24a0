"""DAPE: a small network over the heads of logits and bias, added to both, so that the bias adapts to the content.

Zheng et al. 2024 (arXiv 2405.14722, section 3.2). Sizes, the slope 0.01 below zero, and the network of logits alone
over an encoding without bias (`Nope_C`, `DAPEV1`) are those of the authors' code, where it is called CAPE as well. Its
last bias is left out: one number for all logits of a head, which softmax takes away again.
"""

from typing import Annotated, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import wrapper
from posbench.knobs import Range


class Encoding(wrapper.Wrapper):
    """logits a and bias b of `over` become a + b + f([a, b]), f a layer of `hidden` units over all heads of a pair.

    Memory is O(L hidden) for each key of a block. What `over` does to the logits by content comes afterwards. Each
    layer has parameters of its own, those of `over` too, as in the authors' code.
    """

    over: base.Nested = 'kerple_log'
    hidden: Annotated[int, Range(min=1)] = 32

    per_layer: ClassVar[bool] = True
    # Keys on either side of a pair that a layer of f sees.
    reach = 0

    def setup(self):
        if self.over.has('embed'):
            raise ValueError(
                'dape: got `over` with position vectors below the first layer, wanted one that acts in attention.'
            )
        width, seen = 2 * self.reach + 1, self.heads * (2 if self.over.has('bias') else 1)
        into = nn.initializers.variance_scaling(1.0, 'fan_in', 'uniform', in_axis=(0, 1), out_axis=2)
        self.up_NHF = self.param('up', into, (width, seen, self.hidden))
        self.up_bias_F = self.param('up_bias', nn.initializers.zeros_init(), (self.hidden,))
        self.down_NFH = self.param('down', into, (width, self.hidden, self.heads))

    @nn.nowrap
    def has(self, hook):
        # The bias is an input of f, and so `score` adds it.
        return hook == 'score' or (hook != 'bias' and self.over.has(hook))

    @nn.nowrap
    def split(self, params):
        return {}, params

    def bias(self, pos_q_BL, pos_k_BM):
        return None

    def score(self, logits_BHLM, block, carry):
        bias_BHLM = self.over.bias(block.pos_q_BL, block.pos_k_BM)
        added_BHLM = self._network(logits_BHLM, bias_BHLM, block.allowed_BLM)
        if bias_BHLM is not None:
            logits_BHLM = logits_BHLM + bias_BHLM
        return self.over.score(logits_BHLM + added_BHLM, block, carry)

    def _network(self, logits_BHLM, bias_BHLM, allowed_BLM):
        hidden_BFLM = self._up(logits_BHLM, self.up_NHF[:, : self.heads], allowed_BLM)
        if bias_BHLM is not None:
            hidden_BFLM = hidden_BFLM + self._up(bias_BHLM, self.up_NHF[:, self.heads :], allowed_BLM)
        hidden_BFLM = nn.leaky_relu(hidden_BFLM + self.up_bias_F[:, None, None])
        hidden_BFLM = self._seen(hidden_BFLM, allowed_BLM)
        # Here products come before moves, and after them in `_up`: what moves is heads wide, not hidden units.
        down_NBHLM = jnp.einsum('BFLM,NFH->NBHLM', hidden_BFLM, self.down_NFH)
        return sum(map(self._moved, down_NBHLM, self._steps()))

    def _up(self, x_BHLM, weight_NHF, allowed_BLM):
        x_BHLM = self._seen(x_BHLM, allowed_BLM)
        x_NBHLM = jnp.stack([self._moved(x_BHLM, step) for step in self._steps()])
        return jnp.einsum('NBHLM,NHF->BFLM', x_NBHLM, weight_NHF)

    def _seen(self, x_BHLM, allowed_BLM):
        """0 where the mask hides a key, if neighbours can see it."""
        return x_BHLM if allowed_BLM is None or not self.reach else jnp.where(allowed_BLM[:, None], x_BHLM, 0.0)

    def _steps(self):
        return range(-self.reach, self.reach + 1)

    def _moved(self, x_BHLM: jax.Array, step: int) -> jax.Array:
        """The value of the key `step` places later, 0 past the last one."""
        padded = jnp.pad(x_BHLM, ((0, 0), (0, 0), (0, 0), (self.reach, self.reach)))
        return jax.lax.slice_in_dim(padded, self.reach + step, self.reach + step + x_BHLM.shape[3], axis=3)
