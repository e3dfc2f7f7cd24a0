"""PaTH: between query and key lies a product of reflections, one for each token, made from what the token says.

Yang et al. 2025 (arXiv 2505.16381, section 3). The block form was derived from the paper's; the details that it leaves
open (the SiLU after the convolution, rank 32, kernels of 3 tokens) are those of flash-linear-attention, the authors'
code. With FoX's gate it is PaTH-FoX. That code multiplies the gate by 1/sqrt(K) too (`gate_inside_scale`), its own FoX
does not.
"""

from typing import Annotated, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from posbench.encodings import base, fox
from posbench.encodings.parts import running
from posbench.knobs import Range
from posbench.ops import products

# Tokens whose reflections are solved for at once; more cost the square, fewer are small products.
TOGETHER = 32
# Added to the square of a length, so that a vector of zeros has a gradient.
TINY = 1e-6


@jax.custom_vjp
def inverse(above_BHMM: jax.Array) -> jax.Array:
    """The inverse of I + N, where N has only what stands above the diagonal.

    Blocks on the diagonal are joined two by two: with C between the two of a pair, D^-1 - D^-1 C D^-1 inverts D + C.
    These are products of matrices, on every device; a triangular solve of LAPACK waits inside the thread pool of jax's
    CPU for threads of the same pool, and two of them at once wait for ever.
    """
    size = above_BHMM.shape[-1]
    place, width = np.arange(size), 2
    inverse_BHMM = np.eye(size, dtype=np.float32) - _between(above_BHMM, place, 1)
    while width < size:
        between_BHMM = _between(above_BHMM, place, width)
        inverse_BHMM = inverse_BHMM - inverse_BHMM @ (between_BHMM @ inverse_BHMM)
        width *= 2
    return inverse_BHMM


def _between(above_BHMM, place_M, width):
    """The part that joins blocks of `width` tokens, the first one of a pair with the second."""
    block_M = place_M // width
    pairs_MM = (block_M[:, None] % 2 == 0) & (block_M[None] == block_M[:, None] + 1)
    return jnp.where(pairs_MM, above_BHMM, 0.0)


def _inverse_forward(above_BHMM):
    inverse_BHMM = inverse(above_BHMM)
    return inverse_BHMM, inverse_BHMM


def _inverse_backward(inverse_BHMM, gradient_BHMM):
    transposed_BHMM = jnp.swapaxes(inverse_BHMM, -1, -2)
    return (jnp.triu(-transposed_BHMM @ gradient_BHMM @ transposed_BHMM, 1),)


inverse.defvjp(_inverse_forward, _inverse_backward)


def through_reflections(q_BLHK, k_BMHK, w_BMHK, beta_BMH, allowed_BLM) -> tuple[jax.Array, jax.Array]:
    """q · H_i ... H_(j+1) k_j for all pairs, float32 [B, H, L, M], and the queries behind all of these tokens.

    u_t is what the reflection at token t takes away, beta_t w_t · q with q behind all later tokens: u_t + beta_t
    sum_(s > t) (w_t · w_s) u_s = beta_t w_t · q_i, a triangular system. Reflections after the query are no part of it.
    """
    wq_BHML = products.scores(w_BMHK, q_BLHK)
    beta_BHM1 = jnp.swapaxes(beta_BMH, 1, 2)[..., None]
    wanted_BHML = jnp.where(jnp.swapaxes(allowed_BLM, 1, 2)[:, None], beta_BHM1 * wq_BHML, 0.0)
    overlap_BHMM = beta_BHM1 * products.scores(w_BMHK, w_BMHK)
    taken_BHML = inverse(jnp.triu(overlap_BHMM, 1)) @ wanted_BHML
    later_BHMM = jnp.tril(products.scores(w_BMHK, k_BMHK), -1)
    logits_BHLM = products.scores(q_BLHK, k_BMHK)
    logits_BHLM -= jnp.einsum('BHTL,BHTM->BHLM', taken_BHML, later_BHMM)
    return logits_BHLM, q_BLHK - jnp.einsum('BHML,BMHK->BLHK', taken_BHML, w_BMHK)


class Encoding(base.PositionEncoding):
    """logit_ij = q_i · H_i H_(i-1) ... H_(j+1) k_j / sqrt(K), with H = I - beta w wᵀ of each token and head.

    beta = 2 sigmoid(b · x + c), and w is the unit vector along silu(convolution(x A B)), A and B of rank `rank`, over
    `conv_size` tokens; None leaves out the convolution and the SiLU. The initial scale of A, B and the kernel is of no
    importance, since w has length 1.
    """

    rank: Annotated[int, Range(min=1)] = 32
    conv_size: Annotated[int, Range(min=1, max=64)] | None = 3
    init_std: Annotated[float, Range(above=0)] = 0.02
    gate: bool = False
    gate_inside_scale: bool = False

    per_layer: ClassVar[bool] = True
    needs_causal: ClassVar[bool] = True
    reads_order: ClassVar[bool] = True
    reads_positions: ClassVar[bool] = False

    @property
    def neutral_at_zero(self):
        # Without w there are no reflections; a gate of sigmoid(0) halves at every token.
        return not self.gate

    def setup(self):
        fan_in, small = nn.initializers.lecun_normal(), nn.initializers.normal(self.init_std)
        self.down_DR = self.param('down', fan_in, (self.width, self.rank))
        self.up_RD = self.param('up', fan_in, (self.rank, self.heads * self.head_width))
        if self.conv_size is not None:
            shape = (self.conv_size, self.heads * self.head_width)
            self.kernel_ND = self.param('kernel', nn.initializers.lecun_normal(in_axis=0, out_axis=()), shape)
        self.beta_weight_DH = self.param('beta_weight', small, (self.width, self.heads))
        self.beta_bias_H = self.param('beta_bias', nn.initializers.zeros, (self.heads,))
        if self.gate:
            self.gate_weight_DH = self.param('gate_weight', small, (self.width, self.heads))
            self.gate_bias_H = self.param('gate_bias', nn.initializers.zeros, (self.heads,))

    def aux(self, x_BLD, pos_BL):
        beta_BLH = 2.0 * jax.nn.sigmoid(fox.project(x_BLD, self.beta_weight_DH, self.beta_bias_H))
        aux = {'w': x_BLD.astype(jnp.float32) @ self.down_DR @ self.up_RD, 'beta': beta_BLH}
        if self.gate:
            aux['gate'] = jax.nn.log_sigmoid(fox.project(x_BLD, self.gate_weight_DH, self.gate_bias_H))
        return aux

    def accumulate(self, aux_BM, pos_BM, order):
        w_BMD = aux_BM['w']
        if self.conv_size is not None:
            w_BMD = jax.nn.silu(running.convolve(w_BMD, self.kernel_ND, order))
        w_BMHK = w_BMD.reshape(*w_BMD.shape[:2], self.heads, self.head_width)
        length_BMH1 = jnp.sqrt(jnp.sum(jnp.square(w_BMHK), axis=-1, keepdims=True) + TINY)
        so_far = {'w': w_BMHK / length_BMH1, 'beta': aux_BM['beta']}
        if self.gate:
            so_far['gate'] = running.total(aux_BM['gate'], order)
        return so_far

    def first_carry(self, q_BLHK):
        """Each query, behind the reflections of the tokens so far."""
        return q_BLHK.astype(jnp.float32)

    def product(self, block, carry):
        keys = (block.k_BMHK.astype(jnp.float32), block.aux_k['w'], block.aux_k['beta'])
        length = block.k_BMHK.shape[1]
        if length <= TOGETHER:
            return through_reflections(carry, *keys, block.allowed_BLM)
        count = -(-length // TOGETHER)

        def parts(x, axis):
            # No query attends to what fills up the first part, and no reflection there has a length.
            padding = [(0, 0)] * x.ndim
            padding[axis] = (count * TOGETHER - length, 0)
            x = jnp.pad(x, padding)
            return jnp.moveaxis(x.reshape(*x.shape[:axis], count, TOGETHER, *x.shape[axis + 1 :]), axis, 0)

        def step(q_BLHK, part):
            logits_BHLM, q_BLHK = through_reflections(q_BLHK, *part)
            return q_BLHK, logits_BHLM

        split = (*(parts(x, 1) for x in keys), parts(block.allowed_BLM, 2))
        carry, logits_NBHLM = jax.lax.scan(step, carry, split, reverse=True)
        logits_BHLNM = jnp.moveaxis(logits_NBHLM, 0, 3)
        return logits_BHLNM.reshape(*logits_BHLNM.shape[:3], -1)[..., -length:], carry

    def score(self, logits_BHLM, block, carry):
        if self.gate:
            scale = self.head_width**-0.5 if self.gate_inside_scale else 1.0
            logits_BHLM = logits_BHLM + scale * fox.decay(block.aux_q['gate'], block.aux_k['gate'])
        return logits_BHLM, carry
