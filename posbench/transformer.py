"""A Transformer of one Block, decoder or encoder. It names no encoding, and is told every position."""

from typing import Any, Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench import attention, encodings, linear
from posbench.encodings import base
from posbench.input_layer import InputLayer


class Cache(NamedTuple):
    """Keys and values of the tokens so far, before rotation: an encoding may turn them anew at every step.

    `layers` holds (k_BMHK, v_BMHK) of each layer, stacked along a leading axis if the layers are scanned. A slot
    that is empty, or holds padding, has segment -1. `length` counts the slots in use, the same for all rows.
    """

    layers: Any
    pos_BM: jax.Array
    segment_BM: jax.Array
    length: jax.Array


class Context(NamedTuple):
    """What all layers share in one call."""

    pos_q_BL: jax.Array
    pos_k_BM: jax.Array
    order_q: attention.Order
    order_k: attention.Order
    rows_B: jax.Array
    slot: jax.Array | None


class Transformer(nn.Module):
    """Logits of the next token (decoder) or of every token (encoder)."""

    vocabulary: int
    encoding: base.PositionEncoding
    kind: Literal['decoder', 'encoder'] = 'decoder'
    layers: int = 4
    width: int = 128
    heads: int = 4
    hidden: int = 512
    norm: Literal['pre', 'post'] = 'pre'
    qk_norm: bool = False
    dropout: float = 0.0
    tie_embeddings: bool = True
    remat: bool = False
    scan_layers: bool = False
    block_size: int | None = None
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(
        self,
        tokens_BL: jax.Array,
        pos_BL: jax.Array,
        segment_ids_BL: jax.Array | None = None,
        *,
        cache: Cache | None = None,
        rows_B: jax.Array | None = None,
    ) -> jax.Array | tuple[jax.Array, Cache]:
        """float32 [B, L, V]; with a cache also the cache that holds these tokens too.

        Args:
          tokens_BL: int32 token ids.
          pos_BL: int32 positions; a leading 1 stands for positions that all rows share.
          segment_ids_BL: documents of a packed row; a negative id is padding. None: every row is one document.
          cache: what came before (decoder only).
          rows_B: numbers of these rows in the whole batch, by which dropout tells rows apart however they are split.

        Dropout is on exactly where a 'dropout' rng is given.
        """
        self._check()
        encoding = self.encoding.clone(
            parent=None, width=self.width, heads=self.heads, head_width=self.width // self.heads
        )
        if encoding.per_layer:
            shared, embedding = {}, base.PositionEncoding()
        else:
            shared = self.param('position_encoding', encoding.init_params)
            embedding = encoding.with_params(shared)
        input_layer = InputLayer(self.vocabulary, self.width, self.dtype, name='input_layer')
        context, cache_layers, cache = self._context(tokens_BL, pos_BL, segment_ids_BL, cache, rows_B)

        h_BLD = input_layer(tokens_BL, pos_BL, embedding)
        h_BLD = _dropout(self, h_BLD, self.dropout, context.rows_B)
        h_BLD, cache_layers = self._blocks(encoding)(h_BLD, cache_layers, shared, context)
        if self.norm == 'pre':
            h_BLD = nn.RMSNorm(dtype=self.dtype, name='norm')(h_BLD)
        if self.tie_embeddings:
            logits_BLV = input_layer.logits(h_BLD)
        else:
            logits_BLV = linear.layer(self.vocabulary, self.dtype, name='logits')(h_BLD).astype(jnp.float32)
        return logits_BLV if cache is None else (logits_BLV, cache._replace(layers=cache_layers))

    def _check(self) -> None:
        """ValueError for what the dataclass cannot refuse by itself."""
        if self.kind not in ('decoder', 'encoder') or self.norm not in ('pre', 'post'):
            raise ValueError(
                f'Transformer: got kind={self.kind!r}, norm={self.norm!r}; wanted decoder or encoder, pre or post.'
            )
        if self.width % self.heads:
            raise ValueError(f'Transformer: got width={self.width}, wanted a multiple of heads={self.heads}.')

    def _context(self, tokens_BL, pos_BL, segment_ids_BL, cache, rows_B):
        """What the layers share, their caches, and the cache without the new keys and values."""
        batch, length = tokens_BL.shape
        rows_B = jnp.arange(batch) if rows_B is None else rows_B
        if cache is None:
            order = attention.sequence_order(length, segment_ids_BL)
            nothing = None if self.scan_layers else (None,) * self.layers
            return Context(pos_BL, pos_BL, order, order, rows_B, None), nothing, None
        if self.kind != 'decoder':
            raise ValueError(f"Transformer: got a cache with kind={self.kind!r}, wanted kind='decoder'.")
        new_BL = jnp.zeros((batch, length), jnp.int32) if segment_ids_BL is None else segment_ids_BL

        def write(old_BM, values_BL):
            values_BL = jnp.broadcast_to(values_BL, (batch, length))
            return jax.lax.dynamic_update_slice_in_dim(old_BM, values_BL, cache.length, axis=1)

        pos_BM, segment_BM = write(cache.pos_BM, pos_BL), write(cache.segment_BM, new_BL)
        order_q = attention.Order(cache.length + jnp.arange(length, dtype=jnp.int32)[None], new_BL)
        order_k = attention.Order(jnp.arange(pos_BM.shape[1], dtype=jnp.int32)[None], segment_BM)
        context = Context(pos_BL, pos_BM, order_q, order_k, rows_B, cache.length)
        return context, cache.layers, Cache(None, pos_BM, segment_BM, cache.length + length)

    def _blocks(self, encoding):
        """All blocks as one function (h, caches, shared, context) -> (h, caches)."""
        fields = dict(
            encoding=encoding,
            heads=self.heads,
            hidden=self.hidden,
            causal=self.kind == 'decoder',
            norm=self.norm,
            qk_norm=self.qk_norm,
            dropout=self.dropout,
            residual_scale=(2 * self.layers) ** -0.5,
            block_size=self.block_size,
            dtype=self.dtype,
        )
        block = nn.remat(Block, prevent_cse=not self.scan_layers) if self.remat else Block
        if self.scan_layers:
            return nn.scan(
                block,
                variable_axes={'params': 0},
                split_rngs={'params': True, 'dropout': True},
                in_axes=(0, nn.broadcast, nn.broadcast),
                length=self.layers,
            )(**fields, name='blocks')

        def run(h_BLD, caches, shared, context):
            grown = []
            for index in range(self.layers):
                h_BLD, cache = block(**fields, name=f'block_{index}')(h_BLD, caches[index], shared, context)
                grown.append(cache)
            return h_BLD, tuple(grown)

        return run

    def empty_cache(self, batch_size: int, length: int) -> Cache:
        """A cache of `length` free slots; tokens beyond them would overwrite the last ones, so count them."""
        shape = (batch_size, length, self.heads, self.width // self.heads)
        if self.scan_layers:
            shape = (self.layers, *shape)
            layers = (jnp.zeros(shape, self.dtype), jnp.zeros(shape, self.dtype))
        else:
            layers = tuple((jnp.zeros(shape, self.dtype), jnp.zeros(shape, self.dtype)) for _ in range(self.layers))
        free_BM = jnp.full((batch_size, length), -1, jnp.int32)
        return Cache(layers, jnp.zeros_like(free_BM), free_BM, jnp.zeros((), jnp.int32))


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

    @nn.compact
    def __call__(self, h_BLD, cache, shared, context: Context):
        """(h_BLD, (k_BMHK, v_BMHK) or None) -> the same, one layer up."""
        attended, cache = self._attention(self._before(h_BLD, 'attention_norm'), cache, shared, context)
        h_BLD = self._after(h_BLD, attended, 'attention_norm', context)
        fed = self._feed_forward(self._before(h_BLD, 'feed_forward_norm'))
        return self._after(h_BLD, fed, 'feed_forward_norm', context), cache

    def _before(self, h_BLD, name):
        return nn.RMSNorm(dtype=self.dtype, name=name)(h_BLD) if self.norm == 'pre' else h_BLD

    def _after(self, h_BLD, update_BLD, name, context):
        h_BLD = h_BLD + _dropout(self, update_BLD, self.dropout, context.rows_B)
        return nn.RMSNorm(dtype=self.dtype, name=name)(h_BLD) if self.norm == 'post' else h_BLD

    def _attention(self, x_BLD, cache, shared, context):
        width = x_BLD.shape[-1]
        per_head = (self.heads, width // self.heads)
        q_BLHK, k_BLHK, v_BLHK = (
            nn.DenseGeneral(per_head, use_bias=False, dtype=self.dtype, dot_general=linear.dot_general, name=name)(
                x_BLD
            )
            for name in ('query', 'key', 'value')
        )
        if self.qk_norm:
            # Before any rotation: a gain after it would make scores depend on absolute positions.
            q_BLHK = nn.RMSNorm(dtype=self.dtype, name='query_norm')(q_BLHK)
            k_BLHK = nn.RMSNorm(dtype=self.dtype, name='key_norm')(k_BLHK)
        if cache is not None:
            cache = tuple(
                jax.lax.dynamic_update_slice_in_dim(old, new, context.slot, axis=1)
                for old, new in zip(cache, (k_BLHK, v_BLHK))
            )
        k_BMHK, v_BMHK = (k_BLHK, v_BLHK) if cache is None else cache
        if self.encoding.per_layer:
            shared = self.param('position_encoding', self.encoding.init_params)
        out_BLHK = attention.attend(
            q_BLHK,
            k_BMHK,
            v_BMHK,
            encoding=self.encoding.with_params(shared),
            pos_q_BL=context.pos_q_BL,
            pos_k_BM=context.pos_k_BM,
            order_q=context.order_q,
            order_k=context.order_k,
            causal=self.causal,
            block_size=self.block_size,
        )
        out = linear.layer(width, self.dtype, axis=(-2, -1), kernel_init=self._residual_init(), name='out')
        return out(out_BLHK), cache

    def _feed_forward(self, x_BLD):
        up_BLF = linear.layer(self.hidden, self.dtype, name='up')(x_BLD)
        down = linear.layer(x_BLD.shape[-1], self.dtype, kernel_init=self._residual_init(), name='down')
        return down(nn.gelu(up_BLF))

    def _residual_init(self):
        """Smaller where a layer writes to the residual stream, so that depth does not blow it up (GPT-2, 2.3)."""
        return nn.initializers.variance_scaling(self.residual_scale**2, 'fan_in', 'truncated_normal')


def _dropout(module: nn.Module, x_BLD: jax.Array, rate: float, rows_B: jax.Array) -> jax.Array:
    """Inverted dropout. A row's mask depends on its number in the whole batch, not on the device that holds it."""
    if rate == 0.0 or not module.has_rng('dropout'):
        return x_BLD
    rng = module.make_rng('dropout')
    keys_B = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(rng, rows_B)
    kept = jax.vmap(lambda key: jax.random.bernoulli(key, 1.0 - rate, x_BLD.shape[1:]))(keys_B)
    return jnp.where(kept, x_BLD / (1.0 - rate), 0).astype(x_BLD.dtype)


def from_config(config, vocabulary: int | None = None) -> Transformer:
    """The model of a config; `vocabulary` is the tokenizer's number of ids, by default that of a BPE tokenizer."""
    return Transformer(
        vocabulary=config.dataset.vocabulary if vocabulary is None else vocabulary,
        encoding=encodings.build(**config.encoding),
        dtype=jnp.dtype(config.dtype),
        **config.model,
    )
