"""One layer of a Transformer: attention and a feed-forward layer, and what it remembers of the tokens so far."""

from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench.encodings import base
from posbench.models import attention
from posbench.models.cross_attention import CrossAttention, Encoded
from posbench.models.ring import Ring
from posbench.models.style import Style
from posbench.ops import linear


class Memory(NamedTuple):
    """What one layer remembers of each token: keys, values, `aux`, and what entered if the encoding has `enter`.

    G heads of keys and values serve H heads of queries. Keys are turned already where `keeps_turned` says so.
    """

    k_BMGK: jax.Array
    v_BMGK: jax.Array
    aux_BM: Any
    h_BMD: jax.Array | None


class Context(NamedTuple):
    """What all layers share in one call."""

    pos_q_BL: jax.Array
    pos_k_BM: jax.Array
    order_q: attention.Order
    # None: that of the queries. Two copies would be taken for two orders.
    order_k: attention.Order | None
    rows_B: jax.Array
    slot: jax.Array | None
    # The encoding's `bias`, where it is one for all layers.
    bias_BHLM: jax.Array | None = None
    # What an encoder made of another sequence, for layers that attend to it too.
    encoded: Encoded | None = None


class Block(nn.Module):
    """Attention and a feed-forward layer, each with a residual connection."""

    encoding: base.PositionEncoding
    heads: int
    hidden: int
    causal: bool
    norm: str
    qk_norm: bool
    dropout: float
    residual_scale: float
    block_size: int | None
    dtype: jnp.dtype
    style: Style = Style()
    fused: bool = False
    ring: Ring | None = None
    # Which of the encoding's kinds of layers this one is.
    place: int = 0

    @nn.compact
    def __call__(self, h_BLD, memory: Memory | None, shared, context: Context, layer):
        """(residual stream, what the layer remembers) -> the same, one layer up; `layer` is its number."""
        if context.order_k is None:
            context = context._replace(order_k=context.order_q)
        encoding = self._bound_encoding(shared)
        if self.ring is not None:
            h_BLD = self.ring.split(h_BLD)
        entered_BMD = h_BLD
        if memory is not None and memory.h_BMD is not None:
            entered_BMD = self._write(memory.h_BMD, h_BLD, context)
            memory = memory._replace(h_BMD=entered_BMD)
        h_BLD = encoding.enter(
            h_BLD, entered_BMD, context.pos_q_BL, context.order_q, context.order_k, jnp.asarray(layer, jnp.int32)
        )
        attended, memory = self._attention(encoding, self._before(h_BLD, 'attention_norm'), memory, context)
        h_BLD = self._after(h_BLD, attended, 'attention_norm', context)
        if context.encoded is not None:
            read = self._cross_attention(self._before(h_BLD, 'cross_attention_norm'), context)
            h_BLD = self._after(h_BLD, read, 'cross_attention_norm', context)
        fed = self._feed_forward(self._before(h_BLD, 'feed_forward_norm'))
        h_BLD = self._after(h_BLD, fed, 'feed_forward_norm', context)
        self.sow('intermediates', 'hidden', h_BLD)
        return h_BLD, memory

    def _bound_encoding(self, shared):
        """The encoding of this layer, with the parameters that it shares and those that are its own."""
        part, own = self.encoding.at(self.place)[0], {}
        if part.owns_parameters():
            own = self.param('position_encoding', lambda rng: part.split(part.init_params(rng))[1])
        return self.encoding.bound_at(self.place, shared, own)

    @staticmethod
    def _write(old_BM, new_BL, context):
        return jax.lax.dynamic_update_slice_in_dim(old_BM, new_BL.astype(old_BM.dtype), context.slot, axis=1)

    def _before(self, h_BLD, name):
        return self.style.normalise(self.dtype, name)(h_BLD) if self.norm == 'pre' else h_BLD

    def _after(self, h_BLD, update_BLD, name, context):
        h_BLD = h_BLD + dropout(self, update_BLD, self.dropout, context.rows_B)
        return self.style.normalise(self.dtype, name)(h_BLD) if self.norm == 'post' else h_BLD

    def _linear(self, features, name, **fields):
        return linear.layer(features, self.dtype, use_bias=name in self.style.biased, name=name, **fields)

    def _attention(self, encoding, x_BLD, memory, context):
        width = x_BLD.shape[-1]
        groups, head_width = self.style.widths(width, self.heads)
        q_BLHK, k_BLGK, v_BLGK = (
            self._linear((count, head_width), name)(x_BLD)
            for name, count in (('query', self.heads), ('key', groups), ('value', groups))
        )
        if self.qk_norm:
            # Before any rotation: a gain after it would make scores depend on absolute positions.
            q_BLHK = self.style.normalise(self.dtype, 'query_norm')(q_BLHK)
            k_BLGK = self.style.normalise(self.dtype, 'key_norm')(k_BLGK)
        aux_BM = encoding.aux(x_BLD, context.pos_q_BL)
        if memory is not None:
            aux_BM = jax.tree.map(lambda old, new: self._write(old, new, context), memory.aux_BM, aux_BM)
        aux_k = aux_q = encoding.accumulate(aux_BM, context.pos_k_BM, context.order_k)
        now, turned = Memory(k_BLGK, v_BLGK, aux_BM, None), False
        if memory is not None:
            length, turned = x_BLD.shape[1], keeps_turned(encoding, groups)
            aux_q = base.per_token(lambda x: jax.lax.dynamic_slice_in_dim(x, context.slot, length, axis=1), aux_k)
            if turned:
                k_BLGK = encoding.rotate(k_BLGK, context.pos_q_BL, 'key', aux_q)
            k_BMGK, v_BMGK = (
                self._write(old, new, context) for old, new in ((memory.k_BMGK, k_BLGK), (memory.v_BMGK, v_BLGK))
            )
            memory = now = Memory(k_BMGK, v_BMGK, aux_BM, memory.h_BMD)
        out_BLHK = attention.attend(
            q_BLHK,
            attention.for_every_head(now.k_BMGK, self.heads),
            attention.for_every_head(now.v_BMGK, self.heads),
            encoding=encoding,
            pos_q_BL=context.pos_q_BL,
            pos_k_BM=context.pos_k_BM,
            aux_q=aux_q,
            aux_k=aux_k,
            order_q=context.order_q,
            order_k=context.order_k,
            causal=self.causal,
            bias_BHLM=context.bias_BHLM,
            block_size=self.block_size,
            fused=self.fused,
            turned=turned,
            ring=self.ring,
        )
        out = self._linear(width, 'out', axis=(-2, -1), kernel_init=self._residual_init())
        return out(out_BLHK), memory

    def _cross_attention(self, x_BLD, context):
        module = CrossAttention(
            heads=self.heads,
            qk_norm=self.qk_norm,
            kernel_init=self._residual_init(),
            block_size=self.block_size,
            dtype=self.dtype,
            style=self.style,
            name='cross_attention',
        )
        return module(x_BLD, context.order_q, context.encoded)

    def _feed_forward(self, x_BLD):
        up_BLF = self._linear(self.hidden, 'up')(x_BLD)
        if self.style.gated:
            inner_BLF = self.style.activate(self._linear(self.hidden, 'gate')(x_BLD)) * up_BLF
        else:
            inner_BLF = self.style.activate(up_BLF)
        return self._linear(x_BLD.shape[-1], 'down', kernel_init=self._residual_init())(inner_BLF)

    def _residual_init(self):
        """Smaller where a layer writes to the residual stream, so that depth does not blow it up (GPT-2, 2.3)."""
        return nn.initializers.variance_scaling(self.residual_scale**2, 'fan_in', 'truncated_normal')


class Period(nn.Module):
    """Layers of different kinds, one after the other, that are scanned together.

    They draw their initial weights in groups, so that these are not those of separate layers.
    """

    block: Any
    period: int
    fields: Any

    @nn.compact
    def __call__(self, h_BLD, memories, shared, context, first_layer):
        grown = []
        for place in range(self.period):
            one = self.block(**self.fields, place=place, name=f'block_{place}')
            memory = None if memories is None else memories[place]
            h_BLD, memory = one(h_BLD, memory, shared, context, first_layer + place)
            grown.append(memory)
        return h_BLD, tuple(grown)


def keeps_turned(encoding: base.PositionEncoding, groups: int) -> bool:
    """Whether a cache holds keys as `rotate` makes them: where these stay, and each head of queries has its own."""
    return encoding.has('rotate') and not encoding.depends_on_length and groups == encoding.heads


def dropout(module: nn.Module, x_BLD: jax.Array, rate: float, rows_B: jax.Array) -> jax.Array:
    """Inverted dropout. A row's mask depends on its number in the whole batch, not on the device that holds it."""
    if rate == 0.0 or not module.has_rng('dropout'):
        return x_BLD
    rng = module.make_rng('dropout')
    keys_B = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(rng, rows_B)
    kept = jax.vmap(lambda key: jax.random.bernoulli(key, 1.0 - rate, x_BLD.shape[1:]))(keys_B)
    return jnp.where(kept, x_BLD / (1.0 - rate), 0).astype(x_BLD.dtype)
