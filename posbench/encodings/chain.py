"""Two encodings, one after the other: a learned table below the first layer and a bias in every layer, say.

Most published hybrids are of this kind: Abacus with FIRE (McLeish et al. 2024, arXiv 2405.17399), BiPE's positions
within and between segments (He et al. 2024, arXiv 2401.16421), sinusoids with a relative bias.
"""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp

from posbench.encodings import base


def _of_parts(claim: str, combine: Callable) -> property:
    return property(lambda self: combine((getattr(self.first, claim), getattr(self.second, claim))))


class Encoding(base.PositionEncoding):
    """Every hook of `first`, then the same hook of `second`; biases are added.

    At most one of them may change the product of query and key, or act with weights that are no softmax.
    """

    first: base.Nested = 'sinusoidal'
    second: base.Nested = 'alibi'

    shift_invariant = _of_parts('shift_invariant', all)
    causal_only = _of_parts('causal_only', all)
    reads_positions = _of_parts('reads_positions', any)
    reads_order = _of_parts('reads_order', any)
    needs_causal = _of_parts('needs_causal', any)
    depends_on_length = _of_parts('depends_on_length', any)
    neutral_at_zero = _of_parts('neutral_at_zero', all)
    even_head_width = _of_parts('even_head_width', any)
    even_width = _of_parts('even_width', any)
    axes = _of_parts('axes', max)
    halo = _of_parts('halo', max)

    @property
    def normaliser(self):
        return 'exp' if 'exp' in (self.first.normaliser, self.second.normaliser) else 'softmax'

    @nn.nowrap
    def has(self, hook):
        return self.first.has(hook) or self.second.has(hook)

    def embed(self, x_BLD, pos_BL):
        for part in (self.first, self.second):
            # The parameters of a layer are not there yet, and no such encoding has this hook.
            x_BLD = part.embed(x_BLD, pos_BL) if part.has('embed') else x_BLD
        return x_BLD

    def enter(self, h_BLD, h_BMD, pos_BL, order_q, order_k, layer):
        if self.first.has('enter') and self.second.has('enter'):
            raise ValueError('chain: got two encodings that change what enters a layer, wanted at most one.')
        part = self.first if self.first.has('enter') else self.second
        return part.enter(h_BLD, h_BMD, pos_BL, order_q, order_k, layer)

    def aux(self, x_BLD, pos_BL):
        return self.first.aux(x_BLD, pos_BL), self.second.aux(x_BLD, pos_BL)

    def accumulate(self, aux_BM, pos_BM, order):
        first_BM, second_BM = aux_BM
        return self.first.accumulate(first_BM, pos_BM, order), self.second.accumulate(second_BM, pos_BM, order)

    def rotate(self, x_BLHK, pos_BL, role, aux=(None, None)):
        x_BLHK = self.first.rotate(x_BLHK, pos_BL, role, aux[0])
        return self.second.rotate(x_BLHK, pos_BL, role, aux[1])

    def first_carry(self, q_BLHK):
        return self.first.first_carry(q_BLHK), self.second.first_carry(q_BLHK)

    def product(self, block, carry):
        if self.first.has('product') and self.second.has('product'):
            raise ValueError('chain: got two encodings that change the product of query and key, wanted at most one.')
        first, second = carry
        if self.second.has('product'):
            logits_BHLM, second = self.second.product(_of_part(block, 1), second)
        else:
            logits_BHLM, first = self.first.product(_of_part(block, 0), first)
        return logits_BHLM, (first, second)

    def bias(self, pos_q_BL, pos_k_BM):
        return _combined(jnp.add, self.first.bias(pos_q_BL, pos_k_BM), self.second.bias(pos_q_BL, pos_k_BM))

    def score(self, logits_BHLM, block, carry):
        first, second = carry
        logits_BHLM, first = self.first.score(logits_BHLM, _of_part(block, 0), first)
        logits_BHLM, second = self.second.score(logits_BHLM, _of_part(block, 1), second)
        return logits_BHLM, (first, second)

    def value(self, weights_BHLM, block):
        return _combined(
            jnp.add,
            self.first.value(weights_BHLM, _of_part(block, 0)),
            self.second.value(weights_BHLM, _of_part(block, 1)),
        )

    def sink(self):
        # Two of them take the share of one with the sum of their exponentials.
        return _combined(jnp.logaddexp, self.first.sink(), self.second.sink())

    def finish(self, out_BLHK, v_BLHK, carry):
        for part, of_part in zip((self.first, self.second), carry):
            out_BLHK = part.finish(out_BLHK, v_BLHK, of_part)
        return out_BLHK


def _of_part(block: base.Block, number: int) -> base.Block:
    return block._replace(aux_q=block.aux_q[number], aux_k=block.aux_k[number])


def _combined(combine: Callable, a: jnp.ndarray | None, b: jnp.ndarray | None):
    return b if a is None else a if b is None else combine(a, b)
