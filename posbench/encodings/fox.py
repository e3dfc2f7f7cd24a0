"""A forget gate: each token fades what came before it, by as much as its content says, and the fading adds up.

The Forgetting Transformer (Lin et al. 2025, arXiv 2503.02130); CABLE (Veisi et al. 2025, arXiv 2503.08067) is the same
bias with the sign of the gate's input turned. The paper's "Pro" block, which also has an output gate and shifted keys
and values, is not part of it. CABLE's released code leaves out 1/sqrt(K); here every encoding has it.
"""

from typing import Annotated, ClassVar, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from posbench.encodings import base
from posbench.encodings.parts import running
from posbench.knobs import Range


def biases_of_decay_times(shortest: float, longest: float, heads: int) -> np.ndarray:
    """float64 [H]: b with -1 / log sigmoid(b) = T, for times T that are spaced evenly in their logarithm, in tokens."""
    times_H = np.exp(np.linspace(np.log(shortest), np.log(longest), heads))
    return -np.log(np.expm1(1.0 / times_H))


def project(x_BLD: jax.Array, weight_DH: jax.Array, bias_H: jax.Array) -> jax.Array:
    """x W + b in float32: the sum of many gates is read at each token."""
    return jnp.einsum('BLD,DH->BLH', x_BLD.astype(jnp.float32), weight_DH) + bias_H


def decay(total_BLH: running.Total, total_BMH: running.Total) -> jax.Array:
    """The sum of the log gates after the key up to the query, [B, H, L, M], from running sums.

    As exact as each gate is, among tokens after one that has forgotten all too: to 1e-4 behind a sum of -10^9.
    """
    later_BHL1 = jax.tree.map(lambda x_BLH: jnp.swapaxes(x_BLH, 1, 2)[..., None], total_BLH)
    earlier_BH1M = jax.tree.map(lambda x_BMH: jnp.swapaxes(x_BMH, 1, 2)[:, :, None], total_BMH)
    return running.between(later_BHL1, earlier_BH1M)


class Encoding(base.PositionEncoding):
    """logits += G_i - G_j, with G the running sum of log sigmoid(z) and z = w_h · x + b_h.

    `gate='cable'` sums -softplus(z) = log sigmoid(-z). `kind` is the paper's ablation: 'full' reads the content,
    'bias_only' trains one gate a head, 'fixed' does not train it. The gates of these two start at decay times from
    `shortest_time` to `longest_time` tokens, one for each head: `decay_time_min` and `decay_time_max` of the authors'
    code, which have no default there.
    """

    gate: Literal['forget', 'cable'] = 'forget'
    kind: Literal['full', 'bias_only', 'fixed'] = 'full'
    init_std: Annotated[float, Range(above=0)] = 0.02
    init_bias: float = 0.0
    shortest_time: Annotated[float, Range(above=0)] = 2.0
    longest_time: Annotated[float, Range(above=0)] = 128.0

    per_layer: ClassVar[bool] = True
    needs_causal: ClassVar[bool] = True
    reads_order: ClassVar[bool] = True
    reads_positions: ClassVar[bool] = False
    # A gate of sigmoid(0) halves at every token.
    neutral_at_zero: ClassVar[bool] = False

    def setup(self):
        if self.kind == 'full':
            shape = (self.width, self.heads)
            self.weight_DH = self.param('weight', nn.initializers.normal(self.init_std), shape)
            self.bias_H = self.param('bias', nn.initializers.constant(self.init_bias), (self.heads,))
            return
        bias_H = self._sign * biases_of_decay_times(self.shortest_time, self.longest_time, self.heads)
        bias_H = jnp.asarray(bias_H, jnp.float32)
        self.bias_H = self.param('bias', lambda rng: bias_H) if self.kind == 'bias_only' else bias_H

    @property
    def _sign(self) -> int:
        return 1 if self.gate == 'forget' else -1

    def aux(self, x_BLD, pos_BL):
        if self.kind == 'full':
            z_BLH = project(x_BLD, self.weight_DH, self.bias_H)
        else:
            z_BLH = jnp.broadcast_to(self.bias_H, (*x_BLD.shape[:2], self.heads))
        return jax.nn.log_sigmoid(self._sign * z_BLH)

    def accumulate(self, aux_BM, pos_BM, order):
        return running.total(aux_BM, order)

    def score(self, logits_BHLM, block, carry):
        return logits_BHLM + decay(block.aux_q, block.aux_k), carry
