"""An encoding around another one: every hook and claim is that of the inner one until a subclass says otherwise."""

import flax.linen as nn

from posbench.encodings import base


class Wrapper(base.PositionEncoding):
    """Hands every hook on to `over`, the option that a subclass declares."""

    @property
    def shift_invariant(self):
        return self.over.shift_invariant

    @property
    def causal_only(self):
        return self.over.causal_only

    @property
    def reads_positions(self):
        return self.over.reads_positions

    @property
    def reads_order(self):
        return self.over.reads_order

    @property
    def needs_causal(self):
        return self.over.needs_causal

    @property
    def depends_on_length(self):
        return self.over.depends_on_length

    @property
    def neutral_at_zero(self):
        return self.over.neutral_at_zero

    @property
    def even_head_width(self):
        return self.over.even_head_width

    @property
    def even_width(self):
        return self.over.even_width

    @property
    def axes(self):
        return self.over.axes

    @property
    def halo(self):
        return self.over.halo

    @property
    def normaliser(self):
        return self.over.normaliser

    @nn.nowrap
    def has(self, hook):
        return getattr(type(self), hook) is not getattr(Wrapper, hook) or self.over.has(hook)

    def embed(self, x_BLD, pos_BL):
        # The parameters of a layer are not there yet, and no encoding that has them has this hook.
        return self.over.embed(x_BLD, pos_BL) if self.over.has('embed') else x_BLD

    def enter(self, h_BLD, h_BMD, pos_BL, order_q, order_k, layer):
        return self.over.enter(h_BLD, h_BMD, pos_BL, order_q, order_k, layer)

    def aux(self, x_BLD, pos_BL):
        return self.over.aux(x_BLD, pos_BL)

    def accumulate(self, aux_BM, pos_BM, order):
        return self.over.accumulate(aux_BM, pos_BM, order)

    def rotate(self, x_BLHK, pos_BL, role, aux=None):
        return self.over.rotate(x_BLHK, pos_BL, role, aux)

    def first_carry(self, q_BLHK):
        return self.over.first_carry(q_BLHK)

    def product(self, block, carry):
        return self.over.product(block, carry)

    def bias(self, pos_q_BL, pos_k_BM):
        return self.over.bias(pos_q_BL, pos_k_BM)

    def score(self, logits_BHLM, block, carry):
        return self.over.score(logits_BHLM, block, carry)

    def value(self, weights_BHLM, block):
        return self.over.value(weights_BHLM, block)
