"""The forget gate by hand, and what it is when its gates are constant."""

import jax
import jax.numpy as jnp
import numpy as np

from posbench import encodings
from posbench.encodings import fox
from posbench.models import attention
from tests.encodings import small

WIDTH, HEADS, LENGTH = 8, 2, 20
KINDS = ('fixed', 'bias_only')


def draw(*shape, seed):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def bound(params=None, **options):
    return encodings.build('fox', **options).sized(WIDTH, HEADS).with_params(params or {})


def attended(encoding):
    q, k, v = (draw(2, LENGTH, HEADS, WIDTH // HEADS, seed=seed) for seed in range(3))
    return small.attended(encoding, q, k, v, draw(2, LENGTH, WIDTH, seed=3), small.positions(2, LENGTH))


def constant(logit):
    """A gate that does not look at the token."""
    return {'weight': jnp.zeros((WIDTH, HEADS)), 'bias': jnp.broadcast_to(jnp.asarray(logit, jnp.float32), (HEADS,))}


def test_the_bias_is_the_sum_of_log_gates_after_the_key():
    """Gates 1/2, 1/3, 1/4: the bias of key 0 for query 2 is log 1/12, that of the query's own key 0."""
    logit = -np.log([1.0, 2.0, 3.0])
    encoding = bound({'weight': jnp.eye(WIDTH)[:, :HEADS], 'bias': jnp.zeros(HEADS)})
    x = jnp.zeros((1, 3, WIDTH)).at[0, :, 0].set(logit)
    aux = encoding.accumulate(encoding.aux(x, small.positions(1, 3)), None, attention.sequence_order(3))
    bias = fox.decay(aux, aux)[0, 0]
    np.testing.assert_allclose(bias[2], [-np.log(12), -np.log(4), 0], rtol=0, atol=1e-6)
    np.testing.assert_allclose(bias[1, :2], [-np.log(3), 0], rtol=0, atol=1e-6)


def test_tokens_behind_a_shut_gate_fade_as_before_it():
    """Token 7 forgets all there was, by -10^6, of which a float32 knows no more than 1/16."""
    logit = draw(1, LENGTH, seed=6)
    logit[0, 7] = -1e6
    encoding = bound({'weight': jnp.eye(WIDTH)[:, :HEADS], 'bias': jnp.zeros(HEADS)})
    x = jnp.zeros((1, LENGTH, WIDTH)).at[:, :, 0].set(logit)
    aux = encoding.accumulate(encoding.aux(x, small.positions(1, LENGTH)), None, attention.sequence_order(LENGTH))
    total = np.cumsum(-np.logaddexp(0, -logit[0].astype(np.float64)))
    got, wanted = np.asarray(fox.decay(aux, aux)[0, 0]), total[:, None] - total
    np.testing.assert_allclose(got[8:, 7:], wanted[8:, 7:], rtol=0, atol=4e-6)
    np.testing.assert_allclose(got[:7, :7], wanted[:7, :7], rtol=0, atol=4e-6)


def test_a_constant_gate_is_alibi():
    """log sigmoid(b) = -m: the bias of a key n tokens back is -m n, and the slopes of two heads are 1/16 and 1/256."""
    slopes = np.array([1 / 16, 1 / 256])
    alibi = encodings.build('alibi').sized(WIDTH, HEADS)
    got = attended(bound(constant(-np.log(np.expm1(slopes)))))
    np.testing.assert_allclose(got, attended(alibi), rtol=0, atol=1e-5)


def test_cable_is_the_gate_with_its_input_turned():
    params = {'weight': draw(WIDTH, HEADS, seed=4), 'bias': draw(HEADS, seed=5)}
    turned = jax.tree.map(jnp.negative, params)
    np.testing.assert_allclose(attended(bound(turned, gate='cable')), attended(bound(params)), rtol=0, atol=1e-6)


def test_an_open_gate_is_no_encoding():
    none = encodings.build('none').sized(WIDTH, HEADS)
    np.testing.assert_allclose(attended(bound(constant(30.0))), attended(none), rtol=0, atol=1e-6)


def test_a_gate_forgets_within_its_decay_time():
    """After T tokens 1/e is left, for T = 2 and 32 and the geometric mean of them, 8."""
    left = jax.nn.sigmoid(fox.biases_of_decay_times(2.0, 32.0, 3)) ** np.array([2, 8, 32])
    np.testing.assert_allclose(left, np.full(3, np.exp(-1)), rtol=1e-5)


def test_fixed_gates_have_no_parameters_and_start_where_trained_ones_do():
    for gate in ('forget', 'cable'):
        fixed, trained = (encodings.build('fox', gate=gate, kind=kind).sized(WIDTH, HEADS) for kind in KINDS)
        assert fixed.init_params(jax.random.key(0)) == {}
        params = trained.init_params(jax.random.key(0))
        np.testing.assert_array_equal(attended(fixed.with_params({})), attended(trained.with_params(params)))
