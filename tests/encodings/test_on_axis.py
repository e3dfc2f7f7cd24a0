"""An encoding around which `on_axis` stands sees one coordinate, whatever it is asked."""

import jax.numpy as jnp
import numpy as np
import pytest

from posbench import encodings
from posbench.encodings import base
from posbench.models import attention

POS = jnp.asarray([[[3, 10], [4, 30], [6, 20]]], jnp.int32)


class Seen(base.PositionEncoding):
    """Answers with the positions that it was given."""

    def embed(self, x_BLD, pos_BL):
        return pos_BL

    def enter(self, h_BLD, h_BMD, pos_BL, order_q, order_k, layer):
        return pos_BL

    def aux(self, x_BLD, pos_BL):
        return pos_BL

    def accumulate(self, aux_BM, pos_BM, order):
        return pos_BM

    def rotate(self, x_BLHK, pos_BL, role, aux=None):
        return pos_BL

    def bias(self, pos_q_BL, pos_k_BM):
        return pos_q_BL, pos_k_BM

    def product(self, block, carry):
        return block.pos_q_BL, block.pos_k_BM

    def score(self, logits_BHLM, block, carry):
        return block.pos_q_BL, block.pos_k_BM

    def value(self, weights_BHLM, block):
        return block.pos_q_BL, block.pos_k_BM


@pytest.mark.parametrize('axis', [0, 1])
def test_every_hook_is_asked_about_one_coordinate(axis):
    bound = encodings.build('on_axis', over=Seen(), axis=axis).sized(8, 2).with_params({})
    x, order = jnp.zeros((1, 3, 8)), attention.sequence_order(3)
    other = POS + 100
    block = base.Block(x, x, POS, other)
    one = [
        bound.embed(x, POS),
        bound.enter(x, x, POS, order, order, jnp.int32(0)),
        bound.aux(x, POS),
        bound.accumulate(None, POS, order),
        bound.rotate(x, POS, 'query'),
        bound.rotate(x, POS, 'key'),
    ]
    two = [bound.bias(POS, other), bound.product(block, None), bound.score(x, block, None), bound.value(x, block)]
    for got in one:
        np.testing.assert_array_equal(got, POS[..., axis])
    for of_query, of_key in two:
        np.testing.assert_array_equal(of_query, POS[..., axis])
        np.testing.assert_array_equal(of_key, other[..., axis])
