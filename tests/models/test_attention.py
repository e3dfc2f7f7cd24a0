"""Attention against a float64 double loop, in one block and in many, and its memory."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import encodings
from posbench.encodings import base
from posbench.models import attention
from posbench.models.attention import Order
from tests import programs
from tests.encodings import oracles, small

PLAIN = base.PositionEncoding()
DOT = oracles.Oracle({}, {})


def draw(*shape, seed):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def qkv(length=12, keys=None, batch=2, heads=2, head_width=4):
    keys = length if keys is None else keys
    shapes = [(batch, n, heads, head_width) for n in (length, keys, keys)]
    return [draw(*shape, seed=seed) for seed, shape in enumerate(shapes)]


def places(length):
    return np.arange(length, dtype=np.int32)[None]


@functools.partial(jax.jit, static_argnames=('encoding', 'causal', 'block_size'))
def attend(q, k, v, *, encoding=PLAIN, pos_q=None, pos_k=None, **options):
    pos_q = places(q.shape[1]) if pos_q is None else pos_q
    pos_k = places(k.shape[1]) if pos_k is None else pos_k
    return attention.attend(q, k, v, encoding=encoding, pos_q_BL=pos_q, pos_k_BM=pos_k, **options)


def oracle(q, k, v, allowed_BLM):
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    pos = places(q.shape[1])[0], places(k.shape[1])[0]
    allowed_BLM = np.broadcast_to(allowed_BLM, (len(q), *allowed_BLM.shape[1:]))
    rows = zip(q, k, v, allowed_BLM)
    return np.stack([DOT.attend(oracles.Sequence(None, *row[:3], *pos, row[3])) for row in rows])


SEGMENTS = np.array([[0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2], [-1, -1, -1, 4, 4, 4, 4, 4, 4, 7, -1, -1]], np.int32)
PAST = np.tril(np.ones((1, 12, 12), bool))
MASK = np.random.default_rng(9).random((2, 12, 12)) < 0.6


def same_segment(segments):
    return (segments[:, :, None] == segments[:, None, :]) & (segments >= 0)[:, None, :]


@pytest.mark.parametrize('block_size', [None, 4, 5, 100])
@pytest.mark.parametrize(
    'options, allowed',
    [
        pytest.param({}, PAST, id='causal'),
        pytest.param(dict(segments=SEGMENTS, causal=False), same_segment(SEGMENTS), id='segments'),
        pytest.param(
            dict(mask_BLM=MASK, segments=SEGMENTS), PAST & MASK & same_segment(SEGMENTS), id='mask and segments'
        ),
    ],
)
def test_values_equal_a_double_loop_in_float64(options, allowed, block_size):
    options = dict(options)
    segments = options.pop('segments', None)
    if segments is not None:
        options['order_q'] = options['order_k'] = attention.sequence_order(12, segments)
    got = attend(*qkv(), block_size=block_size, **options)
    np.testing.assert_allclose(got, oracle(*qkv(), allowed), rtol=0, atol=1e-5)


@pytest.mark.parametrize('block_size', [None, 5])
def test_queries_may_be_fewer_than_keys_if_their_order_is_given(block_size):
    q, k, v = qkv(length=4, keys=12)
    order_q, order_k = Order(places(4) + 6), Order(places(12))
    got = attend(q, k, v, order_q=order_q, order_k=order_k, block_size=block_size)
    past = (np.arange(4) + 6)[None, :, None] >= np.arange(12)[None, None, :]
    np.testing.assert_allclose(got, oracle(q, k, v, past), rtol=0, atol=1e-5)


def test_the_mask_follows_token_order_not_position_ids():
    """Position ids that fall, or repeat, hide nothing and show nothing."""
    falling = places(12)[:, ::-1]
    got = attend(*qkv(), pos_q=falling, pos_k=falling)
    np.testing.assert_allclose(got, oracle(*qkv(), PAST), rtol=0, atol=1e-5)


def test_keys_may_be_stored_in_any_order_if_their_places_are_given():
    q, k, v = qkv()
    stored = np.random.default_rng(4).permutation(12)
    orders = dict(order_q=Order(places(12)), order_k=Order(places(12)[:, stored]))
    np.testing.assert_allclose(attend(q, k[:, stored], v[:, stored], **orders), attend(q, k, v), rtol=0, atol=1e-5)


@pytest.mark.parametrize('block_size', [None, 5])
@pytest.mark.parametrize('scale', [1.0, 1e4])
def test_a_query_without_any_key_gets_0_and_finite_gradients(block_size, scale):
    order = attention.sequence_order(12, SEGMENTS)

    def loss(q, k, v):
        return scale * attend(q, k, v, order_q=order, order_k=order, block_size=block_size).sum()

    q, k, v = qkv()
    got = attend(q, k, 100 * v, order_q=order, order_k=order, block_size=block_size)
    np.testing.assert_array_equal(got[1, [0, 1, 2, 10, 11]], 0)
    gradients = jax.jit(jax.grad(loss, argnums=(0, 1, 2)))(q, k, 100 * v)
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    np.testing.assert_array_equal(gradients[0][1, [0, 1, 2, 10, 11]], 0)
    # Keys and values that nothing sees.
    np.testing.assert_array_equal(gradients[2][1, [0, 1, 2, 10, 11]], 0)


@pytest.mark.parametrize('block_size', [None, 5])
def test_logits_of_any_size_neither_overflow_nor_vanish(block_size):
    q, k, v = qkv()
    for offset in (-1e4, 1e4):
        # The same number added to all logits: the softmax is what it was.
        hooks = {'score': lambda self, logits, block, carry, by=offset: (logits + by, carry)}
        moved = type('Moved', (base.PositionEncoding,), hooks)()
        got = attend(q, k, v, encoding=moved, block_size=block_size)
        np.testing.assert_allclose(got, attend(q, k, v), rtol=0, atol=2e-3)
    steep = attend(100 * q, 100 * k, v, block_size=block_size)
    np.testing.assert_allclose(steep, oracle(100 * q, 100 * k, v, PAST), rtol=0, atol=1e-4)


@pytest.mark.parametrize('block_size', [1, 5])
def test_gradients_of_any_block_size_equal_those_of_one_block(block_size):
    order = attention.sequence_order(12, SEGMENTS)
    heard = draw(2, 12, 2, 4, seed=8)

    def gradient(block_size):
        def loss(q, k, v):
            return jnp.vdot(heard, attend(q, k, v, order_q=order, order_k=order, block_size=block_size))

        return jax.jit(jax.grad(loss, argnums=(0, 1, 2)))(*qkv())

    for got, wanted in zip(gradient(block_size), gradient(None)):
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5)


def test_weights_are_a_softmax_of_scaled_dot_products():
    """Two keys, values 0 and 1: the output is the second weight, 1 / (1 + exp(q·(k_0 - k_1) / sqrt(K)))."""
    q = jnp.asarray([2.0, 0.0, 0.0, 0.0]).reshape(1, 1, 1, 4)
    k = jnp.zeros((1, 2, 1, 4)).at[0, 1, 0, 0].set(1.0)
    v = jnp.asarray([0.0, 1.0]).reshape(1, 2, 1, 1)
    got = attend(q, k, v, causal=False, order_q=Order(places(1)), order_k=Order(places(2)))
    np.testing.assert_allclose(got[0, 0, 0, 0], 1 / (1 + np.exp(-2.0 / 2.0)), rtol=1e-6)


def test_the_output_has_the_dtype_of_the_queries_and_accumulates_in_float32():
    q, k, v = (jnp.asarray(x, jnp.bfloat16) for x in qkv(length=512, batch=1))
    got = attend(q, k, jnp.ones_like(v), block_size=64)
    assert got.dtype == jnp.bfloat16
    # Ones added up in bfloat16 stop growing at 256.
    np.testing.assert_allclose(got.astype(np.float32), 1.0, rtol=0, atol=2**-8)


def test_other_lengths_without_an_order_are_an_error():
    with pytest.raises(ValueError, match='4 queries and 12 keys'):
        attend(*qkv(length=4, keys=12))


@pytest.mark.parametrize('given', ['order_q', 'order_k'])
def test_the_order_of_one_side_alone_is_an_error(given):
    with pytest.raises(ValueError, match='wanted both or neither'):
        attend(*qkv(), **{given: attention.sequence_order(12, SEGMENTS)})


def summed(encoding, length, block_size):
    """One number of queries, keys, values and tokens."""

    def total(q, k, v, x):
        return small.attended(encoding, q, k, v, x, places(length), block_size=block_size).sum()

    return total


def shapes_of(length) -> tuple[jax.ShapeDtypeStruct, ...]:
    of_heads = jax.ShapeDtypeStruct((1, length, 2, 4), jnp.float32)
    return of_heads, of_heads, of_heads, jax.ShapeDtypeStruct((1, length, 8), jnp.float32)


def growth(encoding, lengths, block_size):
    """Ratios of the scratch memory of forward and backward passes at neighbouring lengths."""

    def temporary_bytes(length):
        gradient = jax.grad(summed(encoding, length, block_size), argnums=(0, 1, 2, 3))
        compiled = jax.jit(gradient).lower(*shapes_of(length)).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    sizes = [temporary_bytes(length) for length in lengths]
    return [longer / shorter for shorter, longer in itertools.pairwise(sizes)]


def test_blockwise_memory_grows_linearly_and_dense_memory_with_the_square():
    assert max(growth(PLAIN, (256, 512, 1024), block_size=32)) <= 2.3
    assert min(growth(PLAIN, (256, 512, 1024), block_size=None)) >= 3.5
    assert largest(PLAIN, 1024, block_size=None) >= 3.5 * largest(PLAIN, 512, block_size=None)


def largest(encoding, length, block_size=32) -> int:
    """Numbers in the largest array of the program that `growth` compiles."""
    traced = jax.make_jaxpr(jax.grad(summed(encoding, length, block_size), argnums=(0, 1, 2, 3)))
    program = traced(*shapes_of(length)).jaxpr
    return max(variable.aval.size for equation in programs.equations(program) for variable in equation.outvars)


def test_no_encoding_makes_blockwise_memory_grow_with_the_square(encoding):
    """No array does: what XLA makes of the arrays is asked once, above."""
    sized = encoding.sized(8, 2).at(0)[0]
    shapes = jax.eval_shape(sized.init_params, jax.random.key(0))
    bound = sized.with_params(jax.tree.map(lambda leaf: jnp.ones(leaf.shape), shapes))
    # Below a thousand tokens what does not grow hides how the rest does.
    assert largest(bound, 2048) <= 2.3 * largest(bound, 1024)


def test_every_encoding_has_the_same_scale(encoding):
    """All tokens at one position and all parameters 0: what is left is q·k / sqrt(K), unless claimed otherwise."""
    sized = encoding.sized(8, 2).at(0)[0]
    shapes = jax.eval_shape(sized.init_params, jax.random.key(0))
    zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
    attended = jax.jit(lambda params, *inputs: small.attended(sized.with_params(params), *inputs))
    got = attended(zeros, *qkv(), draw(2, 12, 8, seed=4), np.zeros((2, 12), np.int32))
    if encoding.neutral_at_zero:
        np.testing.assert_allclose(got, oracle(*qkv(), PAST), rtol=0, atol=1e-5)
    else:
        assert np.abs(got - oracle(*qkv(), PAST)).max() > 1e-2, 'does not claim neutral_at_zero'


def test_an_encoding_with_parameters_is_called_in_every_block():
    """Shared positions of shape [1, L] and positions of every row give the same, whatever the block size."""
    t5 = encodings.build('t5_bias').clone(width=8, heads=2, head_width=4)
    bound = t5.with_params({'table': jnp.asarray(draw(2, 32, seed=3))})
    pos = 3 * places(12)
    wanted = attention.attend(*qkv(), encoding=bound, pos_q_BL=pos, pos_k_BM=pos)
    rows = pos.repeat(2, axis=0)
    for block_size in (None, 5):
        got = attention.attend(*qkv(), encoding=bound, pos_q_BL=rows, pos_k_BM=rows, block_size=block_size)
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize('block_size', [None, 5])
@pytest.mark.parametrize('over', ['cope_contextual', 'stick_breaking', 'path'])
def test_a_halo_around_an_encoding_with_a_carry_is_refused(over, block_size):
    """The carry would count the keys at a border in both blocks."""
    encoding = encodings.build('dape_v2', over=over).sized(8, 2)

    def attended(params):
        pos = np.tile(places(12), (2, 1))
        return small.attended(encoding.with_params(params), *qkv(), draw(2, 12, 8, seed=4), pos, block_size=block_size)

    with pytest.raises(ValueError, match='counted twice'):
        jax.eval_shape(attended, jax.eval_shape(encoding.init_params, jax.random.key(0)))


@pytest.mark.parametrize('block_size', [None, 5])
def test_a_sink_is_a_key_without_a_value(block_size):
    sink = jnp.asarray([0.5, -1.0])
    q, k, v = qkv()
    logits = np.einsum('blhk,bmhk->bhlm', q, k) / 2
    weights = np.exp(logits) * PAST[0]
    weights /= weights.sum(axis=-1, keepdims=True) + np.exp(sink)[:, None, None]
    encoding = type('Sink', (base.PositionEncoding,), {'sink': lambda self: sink})()
    got = attend(q, k, v, encoding=encoding, block_size=block_size)
    np.testing.assert_allclose(got, np.einsum('bhlm,bmhk->blhk', weights, v), rtol=0, atol=1e-5)


@pytest.mark.parametrize('block_size', [None, 5])
def test_a_query_finds_its_own_value_wherever_it_is_stored(block_size):
    own = type('Own', (base.PositionEncoding,), {'finish': lambda self, out, v, carry: v})()
    q, k, v = qkv()
    np.testing.assert_allclose(attend(q, k, v, encoding=own, block_size=block_size), v, rtol=1e-6)
    stored = np.random.default_rng(4).permutation(12)
    orders = dict(order_q=Order(places(4) + 6), order_k=Order(places(12)[:, stored]))
    got = attend(q[:, 6:10], k[:, stored], v[:, stored], encoding=own, block_size=block_size, **orders)
    np.testing.assert_allclose(got, v[:, 6:10], rtol=1e-6)


@pytest.mark.parametrize('block_size', [None, 5])
def test_what_is_whole_reaches_every_block_uncut(block_size):
    """A bias that is looked up in a table of all tokens, by the distance between two of them."""
    table = draw(1, 12, seed=6)

    def score(self, logits, block, carry):
        distance = block.pos_q_BL[:, :, None] - block.pos_k_BM[:, None, :]
        return logits + block.aux_k['table'].tree[0][distance][:, None], carry

    places_and_table = {'table': base.Whole(jnp.asarray(table)), 'place': places(12)}
    got = attention.attend(
        *qkv(),
        encoding=type('Table', (base.PositionEncoding,), {'score': score})(),
        pos_q_BL=places(12),
        pos_k_BM=places(12),
        aux_q=places_and_table,
        aux_k=places_and_table,
        block_size=block_size,
    )
    biased = {'bias': lambda self, q, k: jnp.asarray(table)[0][q[:, :, None] - k[:, None, :]][:, None]}
    wanted = attend(*qkv(), encoding=type('Biased', (base.PositionEncoding,), biased)())
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5)


def test_a_sink_beside_weights_that_are_no_softmax_is_refused():
    wrong = {'normaliser': 'exp', 'sink': lambda self: jnp.zeros(2)}
    with pytest.raises(ValueError, match='a sink with weights that are no softmax'):
        attend(*qkv(), encoding=type('Wrong', (base.PositionEncoding,), wrong)())


@pytest.mark.parametrize('shape', [(2, 2, 12, 12), (1, 2, 12, 12), (2, 1, 12, 12), (1, 1, 12, 12), (1, 2, 1, 12)])
def test_the_gradient_of_a_bias_is_summed_over_what_shares_it(shape):
    def loss(bias_BHLM, whole):
        bias_BHLM = jnp.broadcast_to(bias_BHLM, (2, 2, 12, 12)) if whole else bias_BHLM
        pos = places(12)
        return jnp.vdot(
            attention.attend(*qkv(), encoding=PLAIN, pos_q_BL=pos, pos_k_BM=pos, bias_BHLM=bias_BHLM),
            draw(2, 12, 2, 4, seed=9),
        )

    got, wanted = (jax.grad(loss)(draw(*shape, seed=8), whole) for whole in (False, True))
    assert got.shape == shape and np.abs(wanted).max() > 1e-2
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5)
