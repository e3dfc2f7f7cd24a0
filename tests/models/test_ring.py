"""Attention of a sequence that lies on several devices is that of one device, for every encoding, within its memory."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from posbench import encodings
from posbench.encodings import base
from posbench.models import attention
from posbench.models.ring import Ring
from tests.encodings import small

BATCH, LENGTH, WIDTH, HEADS = 2, 22, 16, 2
# What a ring could get wrong, once each: turned keys, running sums and a carry, no softmax and what is left of it, keys
# beside a block, a part that every block sees whole.
KINDS = {
    'rotary': {},
    'cope_contextual': {},
    'stick_breaking': dict(remainder=True),
    'dape_v2': {},
    'randomized_relative_as_released': {},
}


@functools.cache
def ring(devices: int = 4) -> Ring:
    shape = (1, len(jax.devices()) // devices, devices, 1)
    return Ring(Mesh(np.array(jax.devices()).reshape(shape), ('seed', 'data', 'sequence', 'model')))


def attended(encoding, ring=None, block_size=None, causal=True, gradient=False):
    """What one layer of an encoding makes of random tokens; with `gradient` also the gradient by queries, keys, values
    and parameters.
    """
    encoding = encoding.sized(WIDTH, HEADS)
    draw = np.random.default_rng(0)
    shapes = jax.eval_shape(encoding.init_params, jax.random.key(0))
    params = jax.tree.map(lambda leaf: (0.3 * draw.normal(size=leaf.shape)).astype(leaf.dtype), shapes)
    tokens = [draw.normal(size=(BATCH, LENGTH, HEADS, WIDTH // HEADS)).astype(np.float32) for _ in range(3)]
    x_BLD = draw.normal(size=(BATCH, LENGTH, WIDTH)).astype(np.float32)
    weights_BLHK = draw.normal(size=tokens[0].shape).astype(np.float32)
    options = dict(ring=ring, block_size=block_size, causal=causal)

    def said(params, tokens):
        bound = encoding.with_params(params)
        out_BLHK = small.attended(bound, *tokens, x_BLD, jnp.arange(LENGTH, dtype=jnp.int32)[None], **options)
        return jnp.vdot(out_BLHK, weights_BLHK), out_BLHK

    if not gradient:
        return jax.jit(said)(params, tokens)[1]
    return jax.jit(jax.grad(said, argnums=(0, 1), has_aux=True))(params, tokens)


def same(got, wanted):
    # Last bits: blocks of another size are added up in another order.
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6), got, wanted)


@pytest.mark.parametrize('name', KINDS)
def test_a_ring_gives_what_one_device_gives(name):
    encoding = encodings.build(name, **KINDS[name])
    same(attended(encoding, ring(), block_size=3), attended(encoding))


@pytest.mark.everything
def test_a_ring_gives_what_one_device_gives_for_every_encoding(encoding):
    for block_size in (None, 4):
        same(attended(encoding, ring(), block_size), attended(encoding))


@pytest.mark.everything
@pytest.mark.parametrize('name', ['alibi', 'cope_contextual', 'stick_breaking', 'dape_v2'])
def test_gradients_go_round_too(name):
    encoding = encodings.build(name)
    same(attended(encoding, ring(), 3, gradient=True), attended(encoding, gradient=True))


def test_an_encoder_may_be_split_unless_something_is_carried_from_the_last_key_to_the_first():
    alibi = encodings.build('alibi')
    same(attended(alibi, ring(), causal=False), attended(alibi, causal=False))

    class Carrying(base.PositionEncoding):
        def first_carry(self, q_BLHK):
            return jnp.zeros(q_BLHK.shape[:2])

    with pytest.raises(ValueError, match=r'wanted config\.mesh\.sequence=1') as error:
        attended(Carrying(), ring(), causal=False)
    assert '\n' not in str(error.value)


def test_a_mask_or_another_sequence_is_refused():
    q_BLHK = jnp.zeros((1, 8, 2, 4))
    mask_BLM = jnp.ones((1, 8, 8), bool)
    places = dict(pos_q_BL=jnp.arange(8)[None], pos_k_BM=jnp.arange(8)[None], encoding=base.PositionEncoding())
    with pytest.raises(ValueError, match='wanted whole sequences'):
        attention.attend(q_BLHK, q_BLHK, q_BLHK, mask_BLM=mask_BLM, ring=ring(), **places)


def test_a_device_holds_its_part_of_a_sequence_and_keys_go_round_in_blocks():
    """Twice as many devices, half the memory of each; and nothing but keys is sent."""

    def compiled(devices):
        mine = ring(devices)
        lies = NamedSharding(mine.mesh, P(None, 'sequence'))
        tokens = jax.ShapeDtypeStruct((1, 4096, 2, 8), jnp.float32, sharding=lies)
        pos_BL = jnp.arange(4096, dtype=jnp.int32)[None]
        encoding = encodings.build('rotary').sized(16, 2).with_params({})

        def said(*tokens):
            places = dict(pos_q_BL=pos_BL, pos_k_BM=pos_BL)
            out_BLHK = attention.attend(*tokens, encoding=encoding, ring=mine, block_size=64, **places)
            return jax.lax.with_sharding_constraint(out_BLHK, lies)

        return jax.jit(said).lower(tokens, tokens, tokens).compile()

    of_two, of_eight = compiled(2), compiled(8)
    held = [one.memory_analysis().temp_size_in_bytes for one in (of_two, of_eight)]
    # What each holds whatever the length is, blocks of logits, is in both.
    assert held[1] < 0.4 * held[0]
    text = of_eight.as_text()
    assert 'collective-permute' in text and not any(word in text for word in ('all-gather', 'all-reduce', 'all-to-all'))
