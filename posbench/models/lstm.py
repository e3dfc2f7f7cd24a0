"""A long short-term memory that reads token by token, forgets between documents, and does not notice padding.

    i_t = sigmoid(W_i x_t + R_i h_{t-1} + b_i)        f_t = sigmoid(W_f x_t + R_f h_{t-1} + b_f)
    g_t = tanh(W_g x_t + R_g h_{t-1} + b_g)           o_t = sigmoid(W_o x_t + R_o h_{t-1} + b_o)
    c_t = f_t * c_{t-1} + i_t * g_t                   h_t = o_t * tanh(c_t)

The memory of Hochreiter and Schmidhuber 1997 (Neural Computation 9:8, 1735-1780) with the forget gate of Gers,
Schmidhuber and Cummins 2000 (Neural Computation 12:10, 2451-2471), without peepholes. H hidden channels, G = 4H gates
in the order i, f, g, o.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench.ops import linear, orthogonal


class Direction(nn.Module):
    """Both directions of a layer are this, with weights of their own; the second one is given the text reversed.

    As Keras begins: Glorot's uniform weights for what enters (Glorot and Bengio 2010), orthogonal ones for what returns
    (Saxe et al. 2014, arXiv 1312.6120), and a bias of 1 on the forget gate (Jozefowicz et al. 2015, section 2.2).
    """

    hidden: int
    dtype: jnp.dtype

    def setup(self):
        of_gates = dict(kernel_init=nn.initializers.glorot_uniform(), bias_init=forget_nothing)
        self.input = linear.layer(4 * self.hidden, self.dtype, use_bias=True, **of_gates)
        self.recurrent = self.param('recurrent', orthogonal.rows, (self.hidden, 4 * self.hidden))

    def gates(self, x_BLD: jax.Array) -> tuple[jax.Array, jax.Array]:
        """W x + b of all tokens at once, [B, L, G], and R, [H, G]: what is left for `states` to do one by one."""
        return self.input(x_BLD), self.recurrent.astype(self.dtype)


def forget_nothing(rng: jax.Array, shape: tuple[int], dtype: jnp.dtype = jnp.float32) -> jax.Array:
    """Biases of 0, and of 1 on the forget gate."""
    return jnp.zeros(shape, dtype).reshape(4, -1).at[1].set(1).reshape(-1)


def states(gates_NBLG: jax.Array, recurrent_NHG: jax.Array, segment_ids_NBL: jax.Array | None = None) -> jax.Array:
    """h of every token, [N, B, L, H], of N memories that read side by side, each its own text from first to last.

    gates_NBLG: W x + b.
    segment_ids_NBL: a token with another segment than the one before it begins with h = c = 0. A negative one is
      padding, at which h and c stay what they are; what stands at its place says nothing.
    """
    kinds, batch, length, _ = gates_NBLG.shape
    hidden, dtype = recurrent_NHG.shape[1], gates_NBLG.dtype
    segmented = segment_ids_NBL is not None
    segments_LNB = jnp.moveaxis(segment_ids_NBL, 2, 0) if segmented else jnp.zeros((length, 0), jnp.int32)
    # A sum over all tokens so far, in which bfloat16 would lose the small ones.
    nothing_NBH = jnp.zeros((kinds, batch, hidden), jnp.float32)

    def one_token(carry, read):
        h_NBH, c_NBH, segment_NB = carry
        gates_NBG, now_NB = read
        if segmented:
            begins_NB1 = (now_NB != segment_NB)[..., None]
            h_NBH, c_NBH = (jnp.where(begins_NB1 & (now_NB >= 0)[..., None], 0, x) for x in (h_NBH, c_NBH))
        gates_NBG += jnp.einsum('NBH,NHG->NBG', h_NBH, recurrent_NHG)
        i, f, g, o = jnp.split(gates_NBG.astype(jnp.float32), 4, axis=-1)
        new_NBH = nn.sigmoid(f) * c_NBH + nn.sigmoid(i) * jnp.tanh(g)
        said_NBH = (nn.sigmoid(o) * jnp.tanh(new_NBH)).astype(dtype)
        if segmented:
            real_NB1 = (now_NB >= 0)[..., None]
            new_NBH, said_NBH = jnp.where(real_NB1, new_NBH, c_NBH), jnp.where(real_NB1, said_NBH, h_NBH)
            segment_NB = jnp.where(now_NB >= 0, now_NB, segment_NB)
        return (said_NBH, new_NBH, segment_NB), said_NBH

    first = nothing_NBH.astype(dtype), nothing_NBH, jnp.full(segments_LNB.shape[1:], -1, jnp.int32)
    _, said_LNBH = jax.lax.scan(one_token, first, (jnp.moveaxis(gates_NBLG, 2, 0), segments_LNB))
    return jnp.moveaxis(said_LNBH, 0, 2)
