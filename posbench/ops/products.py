"""The two products of attention, and an exact one: neither they nor their gradients turn a large array around.

Written as einsums they come out the same, but XLA then puts rows and columns of the logits in another order for three
of the six products, which on a CPU takes longer than the products themselves: forward and backward pass of attention
take 1.7 times as long at 512 tokens, 2.5 times at 2,048. Forward-mode differentiation is not defined.
"""

import jax
import jax.numpy as jnp


@jax.custom_vjp
def scores(q_BLHK: jax.Array, k_BMHK: jax.Array) -> jax.Array:
    """Query times key, float32 [B, H, L, M]."""
    return _by_channel(_heads_first(q_BLHK), _heads_first(k_BMHK))


def _scores_forward(q_BLHK, k_BMHK):
    return scores(q_BLHK, k_BMHK), (q_BLHK, k_BMHK)


def _scores_backward(factors, d_BHLM):
    q_BLHK, k_BMHK = factors
    d_q_BLHK = _heads_first(_by_key(d_BHLM, _heads_first(k_BMHK)))
    return d_q_BLHK.astype(q_BLHK.dtype), _by_query(q_BLHK, d_BHLM).astype(k_BMHK.dtype)


scores.defvjp(_scores_forward, _scores_backward)


@jax.custom_vjp
def mixed(weights_BHLM: jax.Array, v_BMHK: jax.Array) -> jax.Array:
    """Values added up by weights, float32 [B, L, H, K]."""
    return _heads_first(_by_key(weights_BHLM, _heads_first(v_BMHK)))


def _mixed_forward(weights_BHLM, v_BMHK):
    return mixed(weights_BHLM, v_BMHK), (weights_BHLM, v_BMHK)


def _mixed_backward(factors, d_BLHK):
    weights_BHLM, v_BMHK = factors
    d_weights_BHLM = _by_channel(_heads_first(d_BLHK), _heads_first(v_BMHK))
    return d_weights_BHLM.astype(weights_BHLM.dtype), _by_query(d_BLHK, weights_BHLM).astype(v_BMHK.dtype)


mixed.defvjp(_mixed_forward, _mixed_backward)


@jax.custom_vjp
def exact(a: jax.Array, b: jax.Array) -> jax.Array:
    """The product of matrices [..., L, K] and [K, N], float32, of full precision on any platform."""
    return _exact(a, b, a.ndim - 1, 0)


def _exact_forward(a, b):
    return exact(a, b), (a, b)


def _exact_backward(factors, d):
    a, b = factors
    d_b = _exact(a.reshape(-1, a.shape[-1]), d.reshape(-1, d.shape[-1]), 0, 0)
    return _exact(d, b, d.ndim - 1, 1).astype(a.dtype), d_b.astype(b.dtype)


exact.defvjp(_exact_forward, _exact_backward)


def _exact(a, b, of_a: int, of_b: int):
    a, b = a.astype(jnp.float32), b.astype(jnp.float32)
    return jax.lax.dot_general(a, b, (((of_a,), (of_b,)), ((), ())), precision=jax.lax.Precision.HIGHEST)


def _heads_first(x: jax.Array) -> jax.Array:
    """[B, H, L, K] of [B, L, H, K], and back."""
    return jnp.swapaxes(x, 1, 2)


def _by_channel(q_BHLK, k_BHMK):
    return _product(q_BHLK, k_BHMK, 3, 3)


def _by_key(x_BHLM, v_BHMK):
    return _product(x_BHLM, v_BHMK, 3, 2)


def _by_query(q_BLHK, x_BHLM):
    """[B, M, H, K]. The small array comes first, turned, and its product is turned: the large one lies as it is."""
    sum_BHKM = _product(jnp.moveaxis(q_BLHK, 1, 3), x_BHLM, 3, 2)
    return jnp.moveaxis(sum_BHKM, 3, 1)


def _product(a_BH, b_BH, of_a: int, of_b: int):
    """Sums over one axis of each, float32; both begin with B and H."""
    dtype = jnp.promote_types(a_BH.dtype, b_BH.dtype)
    dimensions = (((of_a,), (of_b,)), ((0, 1), (0, 1)))
    return jax.lax.dot_general(a_BH.astype(dtype), b_BH.astype(dtype), dimensions, preferred_element_type=jnp.float32)
