"""Every encoding keeps the contract; so does one from a folder outside the package."""

import jax.numpy as jnp
import pytest

from posbench import encodings
from posbench.encodings import base
from tests.encodings import contract, oracles

MINE = '''
"""A user's own encoding: a penalty on distance with one trained strength a head."""

from typing import Annotated

import flax.linen as nn
import jax.numpy as jnp

from posbench.encodings import base
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    strength: Annotated[float, Range(above=0)] = 1.0

    def setup(self):
        self.slope_H = self.param('slope', nn.initializers.constant(self.strength), (self.heads,))

    def bias(self, pos_q_BL, pos_k_BM):
        distance_BLM = (pos_q_BL[:, :, None] - pos_k_BM[:, None, :]).astype(jnp.float32)
        return -self.slope_H[None, :, None, None] * jnp.sqrt(jnp.abs(distance_BLM))[:, None]
'''


def as_its_oracle_asks(encoding):
    """With the options that its oracle's file asks for: defaults may hide a claim, or leave a hook out."""
    name = type(encoding).__module__.rpartition('.')[2]
    options = getattr(oracles.module(name), 'CONTRACT', {}) if name in oracles.names() else {}
    return encoding.clone(parent=None, **options) if options else encoding


@pytest.mark.parametrize('check', contract.CHECKS, ids=lambda check: check.__name__)
def test_the_encoding(check, encoding):
    check(as_its_oracle_asks(encoding))


@pytest.fixture(scope='module')
def mine(tmp_path_factory):
    path = tmp_path_factory.mktemp('elsewhere') / 'mine.py'
    path.write_text(MINE)
    return encodings.build('mine', module=str(path), strength=2.0)


# One check shows that the file is read; the others are asked of encodings like it.
OF_MINE = [contract.CHECKS[0], *(pytest.param(check, marks=pytest.mark.everything) for check in contract.CHECKS[1:])]


@pytest.mark.parametrize('check', OF_MINE, ids=lambda check: check.__name__)
def test_an_encoding_from_another_folder(check, mine):
    check(mine)


def test_an_option_of_an_encoding_from_another_folder_arrives(mine):
    assert mine.strength == 2.0
    contract.the_option_changes_something(mine, 'strength', 3.0)


def broken(**hooks):
    """An encoding with hooks that break the contract."""
    return type('Broken', (base.PositionEncoding,), hooks)()


def test_the_contract_notices_a_leak_of_later_tokens():
    leak = broken(
        score=lambda self, logits, block, carry: (
            logits * (1 + block.k_BMHK.sum((1, 2, 3))[:, None, None, None]),
            carry,
        )
    )
    with pytest.raises(AssertionError, match='before a change'):
        contract.later_tokens_leave_earlier_logits_alone(leak)


def test_the_contract_notices_positions_read_from_a_shape():
    guess = broken(embed=lambda self, x, pos: x + jnp.sin(jnp.arange(x.shape[1]))[None, :, None])
    with pytest.raises(AssertionError):
        contract.padding_on_either_side_changes_nothing(guess)
    with pytest.raises(AssertionError):
        contract.decoding_with_a_cache_equals_reading_at_once(guess)


def test_the_contract_notices_false_claims():
    absolute = broken(embed=lambda self, x, pos: x + jnp.sin(0.1 * pos)[..., None])
    with pytest.raises(AssertionError, match='shift_invariant'):
        contract.adding_one_number_to_all_positions_does_what_is_claimed(absolute)
    with pytest.raises(AssertionError, match='does not claim causal_only'):
        contract.only_the_causal_mask_tells_order_where_claimed(broken())


def test_the_contract_notices_bfloat16_positions():
    rough = broken(embed=lambda self, x, pos: x + jnp.sin(pos.astype(x.dtype))[..., None])
    with pytest.raises(AssertionError):
        contract.bfloat16_tells_positions_past_256_apart(rough)


def test_the_contract_notices_statistics_over_the_batch():
    def bias(self, pos_q_BL, pos_k_BM):
        return -jnp.abs(pos_q_BL[:, None, :, None] - pos_k_BM[:, None, None, :]) / pos_q_BL.max()

    with pytest.raises(AssertionError):
        contract.a_row_depends_neither_on_batch_size_nor_on_batch_mates(broken(bias=bias))
