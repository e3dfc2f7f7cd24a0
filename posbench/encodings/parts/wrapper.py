"""An encoding around another one: every hook and claim is that of the inner one until a subclass says otherwise."""

import flax.linen as nn

from posbench.encodings import base


def _of_inner(claim: str) -> property:
    return property(lambda self: getattr(self.over, claim))


class Wrapper(base.PositionEncoding):
    """Hands every hook on to `over`, the option that a subclass declares."""

    shift_invariant = _of_inner('shift_invariant')
    causal_only = _of_inner('causal_only')
    reads_positions = _of_inner('reads_positions')
    reads_order = _of_inner('reads_order')
    needs_causal = _of_inner('needs_causal')
    depends_on_length = _of_inner('depends_on_length')
    neutral_at_zero = _of_inner('neutral_at_zero')
    even_head_width = _of_inner('even_head_width')
    even_width = _of_inner('even_width')
    axes = _of_inner('axes')
    halo = _of_inner('halo')
    normaliser = _of_inner('normaliser')

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

    def sink(self):
        return self.over.sink()

    def finish(self, out_BLHK, v_BLHK, carry):
        return self.over.finish(out_BLHK, v_BLHK, carry)
