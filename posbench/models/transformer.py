"""The layers of a Transformer, decoder or encoder, out of one Block."""

from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench.bodies import base as base_body
from posbench.encodings import base
from posbench.models import attention, kernels
from posbench.models.block import Block, Context, Memory, Period, dropout, keeps_turned
from posbench.models.cross_attention import Encoded


class Cache(NamedTuple):
    """Keys and values of the tokens so far. Keys are turned, but for encodings that turn them anew with each token.

    `layers` holds a `Memory` of each layer, stacked along a leading axis if the layers are scanned. A slot that is
    empty, or holds padding, has segment -1. `length` counts the slots in use, the same for all rows.
    """

    layers: Any
    pos_BM: jax.Array
    segment_BM: jax.Array
    length: jax.Array


class Transformer(base_body.Layers):
    """Layers of one Block: decoder or encoder, as `causal` says. They name no encoding, and are told every position."""

    def setup(self):
        encoding = self.sized_encoding()
        self.shared = {}
        if encoding.shares_parameters():
            self.shared = self.param('position_encoding', lambda rng: encoding.split(encoding.init_params(rng))[0])

    def embedding(self) -> base.PositionEncoding:
        """The encoding with the parameters that layers share; one without hooks where nothing is embedded."""
        encoding = self.sized_encoding()
        # Where nothing is embedded, the parameters of layers would only be missed.
        return encoding.with_params(self.shared) if encoding.has('embed') else base.PositionEncoding(parent=None)

    @nn.compact
    def __call__(
        self,
        x_BLD: jax.Array,
        pos_BL: Any,
        segment_ids_BL: jax.Array | None = None,
        *,
        cache: Cache | None = None,
        rows_B: jax.Array | None = None,
        encoded: Encoded | None = None,
    ) -> tuple[jax.Array, Cache | None]:
        """[B, L, D] in `dtype`, and the cache that holds these tokens too.

        Args:
          x_BLD: what the input layer made of the tokens.
          pos_BL: int32 positions; a leading 1 stands for positions that all rows share. Of several coordinates they are
            pos_BLA, or a tuple of pos_BL.
          segment_ids_BL: documents of a packed row; a negative id is padding. None: every row is one document.
          cache: what came before (decoder only).
          rows_B: numbers of these rows in the whole batch, by which dropout tells rows apart however they are split.
          encoded: what an encoder made of another sequence; each layer then attends to it too (decoder only).

        Dropout is on exactly where a 'dropout' rng is given.
        """
        self._check()
        self.encoding.check_positions(pos_BL)
        if encoded is not None and not self.causal:
            raise ValueError('Transformer: got encoded with an encoder, wanted a decoder.')
        encoding, shared = self.sized_encoding(), self.shared
        context, cache_layers, cache = self._context(x_BLD.shape[:2], pos_BL, segment_ids_BL, cache, rows_B)
        if encoded is not None and encoded.segment_ids_BM is not None and segment_ids_BL is None:
            # A decoder without segments reads all that is no padding, also where a cache gives its tokens segment 0.
            encoded = encoded._replace(segment_ids_BM=jnp.minimum(encoded.segment_ids_BM, 0))
        context = context._replace(bias_BHLM=self._bias(encoding, shared, context), encoded=encoded)

        self.sow('intermediates', 'embedded', x_BLD)
        h_BLD = dropout(self, x_BLD, self.dropout, context.rows_B)
        h_BLD, cache_layers = self._blocks(encoding)(h_BLD, cache_layers, shared, context)
        if self.norm == 'pre':
            h_BLD = self.style.normalise(self.dtype, 'norm')(h_BLD)
            self.sow('intermediates', 'normalised', h_BLD)
        return h_BLD, None if cache is None else cache._replace(layers=cache_layers)

    def _check(self) -> None:
        """ValueError for what the dataclass cannot refuse by itself."""
        if self.norm not in ('pre', 'post'):
            raise ValueError(f'Transformer: got norm={self.norm!r}, wanted pre or post.')
        self.style.widths(self.width, self.heads)
        if not self.causal and self.encoding.needs_causal:
            raise ValueError(
                'Transformer: got an encoder, wanted a decoder: the encoding reads what lies between query and key.'
            )
        if self.scan_layers and self.layers % self.encoding.period:
            raise ValueError(
                f'Transformer: got layers={self.layers} with scan_layers, wanted a multiple of {self.encoding.period}, '
                'after which the kinds of layers repeat.'
            )

    def _context(self, shape, pos_BL, segment_ids_BL, cache, rows_B):
        """What the layers share, their caches, and the cache without the new keys and values."""
        batch, length = shape
        rows_B = jnp.arange(batch) if rows_B is None else rows_B
        if cache is None:
            order = attention.sequence_order(length, segment_ids_BL)
            nothing = None if self.scan_layers else (None,) * self.layers
            return Context(pos_BL, pos_BL, order, None, rows_B, None), nothing, None
        if not self.causal:
            raise ValueError('Transformer: got a cache with an encoder, wanted a decoder.')
        new_BL = jnp.zeros((batch, length), jnp.int32) if segment_ids_BL is None else segment_ids_BL

        def write(old_BM, values_BL):
            values_BL = jnp.broadcast_to(values_BL, (batch, length, *old_BM.shape[2:]))
            return jax.lax.dynamic_update_slice_in_dim(old_BM, values_BL.astype(old_BM.dtype), cache.length, axis=1)

        pos_BM, segment_BM = jax.tree.map(write, (cache.pos_BM, cache.segment_BM), (pos_BL, new_BL))
        order_q = attention.Order(cache.length + jnp.arange(length, dtype=jnp.int32)[None], new_BL)
        order_k = attention.Order(jnp.arange(segment_BM.shape[1], dtype=jnp.int32)[None], segment_BM)
        context = Context(pos_BL, pos_BM, order_q, order_k, rows_B, cache.length)
        return context, cache.layers, Cache(None, pos_BM, segment_BM, cache.length + length)

    def _bias(self, encoding, shared, context):
        """The bias that all layers share, made once; nothing where they share no bias or its pairs are too many."""
        part = encoding.at(0)[0]
        order_k = context.order_q if context.order_k is None else context.order_k
        lengths = (order.index_BL.shape[1] for order in (context.order_q, order_k))
        whole = self.ring is None and attention.one_block(self.block_size, *lengths)
        if encoding.period > 1 or part.owns_parameters() or part.halo or not whole:
            return None
        return encoding.bound_at(0, shared, {}).bias(context.pos_q_BL, context.pos_k_BM)

    def _blocks(self, encoding):
        """All blocks as one function (h, caches, shared, context) -> (h, caches)."""
        fields = dict(
            encoding=encoding,
            heads=self.heads,
            hidden=self.hidden,
            causal=self.causal,
            norm=self.norm,
            qk_norm=self.qk_norm,
            dropout=self.dropout,
            residual_scale=(2 * self.layers) ** -0.5,
            block_size=self.block_size,
            dtype=self.dtype,
            style=self.style,
            fused=kernels.choose(self.kernel, encoding, self.dtype, self.platform)[0] == 'fused',
            ring=self.ring,
        )
        block = nn.remat(Block, prevent_cse=not self.scan_layers) if self.remat else Block
        if self.scan_layers:
            return self._scanned(block, fields)

        def run(h_BLD, memories, shared, context):
            grown = []
            for layer in range(self.layers):
                one = block(**fields, place=layer % encoding.period, name=f'block_{layer}')
                h_BLD, memory = one(h_BLD, memories[layer], shared, context, layer)
                grown.append(memory)
            return h_BLD, tuple(grown)

        return run

    def _scanned(self, block, fields):
        """One period of layers is compiled and scanned; most encodings have a period of one."""
        period = fields['encoding'].period
        groups = self.layers // period
        scanned = nn.scan(
            block if period == 1 else Period,
            variable_axes={'params': 0, 'intermediates': 0},
            split_rngs={'params': True, 'dropout': True},
            in_axes=(0, nn.broadcast, nn.broadcast, 0),
            length=groups,
        )
        first_layers = jnp.arange(groups, dtype=jnp.int32) * period
        one = scanned(**fields, name='blocks') if period == 1 else scanned(block, period, fields, name='blocks')
        return lambda h_BLD, memories, shared, context: one(h_BLD, memories, shared, context, first_layers)

    @nn.nowrap
    def sized_encoding(self) -> base.PositionEncoding:
        """The encoding with the dimensions of this model."""
        return self.encoding.sized(self.width, self.heads, self.style.widths(self.width, self.heads)[1], self.embedded)

    def empty_cache(self, batch_size: int, length: int, pos: Any = None) -> Cache:
        """A cache of `length` free slots; tokens beyond them would overwrite the last ones, so count them.

        `pos` is an example of the positions to come, for maps that give numbers other than int32 [B, L].
        """
        encoding = self.sized_encoding()
        groups, head_width = self.style.widths(self.width, self.heads)
        v_BMGK = jnp.zeros((batch_size, length, groups, head_width), self.dtype)
        h_BMD = jnp.zeros((batch_size, length, self.width), self.dtype)
        pos = jax.ShapeDtypeStruct((batch_size, length), jnp.int32) if pos is None else pos
        pos_BM = jax.tree.map(lambda leaf: jnp.zeros((batch_size, length, *leaf.shape[2:]), leaf.dtype), pos)

        def memory(layer):
            part = encoding.at(layer)[0]
            aux_BM = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), _shape_of_aux(part, h_BMD, pos_BM))
            k_BMGK = v_BMGK
            if keeps_turned(part, groups):
                k_BMGK = jnp.zeros((batch_size, length, groups, kernels.rotated_width(part)), self.dtype)
            return Memory(k_BMGK, v_BMGK, aux_BM, h_BMD if part.has('enter') else None)

        if self.scan_layers:
            memories = tuple(memory(place) for place in range(encoding.period))
            memories = memories[0] if encoding.period == 1 else memories
            groups = self.layers // encoding.period
            layers = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (groups, *leaf.shape)), memories)
        else:
            layers = tuple(memory(layer) for layer in range(self.layers))
        segment_BM = jnp.full((batch_size, length), -1, jnp.int32)
        return Cache(layers, pos_BM, segment_BM, jnp.zeros((), jnp.int32))


def sown_states(body: Transformer, sown: dict) -> list[jax.Array]:
    """What enters the first layer, what leaves each, and the final norm of it, from the collection 'intermediates'."""
    period = body.encoding.period

    def of_layer(layer):
        if not body.scan_layers:
            return sown[f'block_{layer}']['hidden'][0]
        kinds = sown['blocks'] if period == 1 else sown['blocks'][f'block_{layer % period}']
        return kinds['hidden'][0][layer // period]

    states = [sown['embedded'][0], *(of_layer(layer) for layer in range(body.layers))]
    return [*states, *sown.get('normalised', ())]


def _shape_of_aux(encoding, x_BLD, pos_BL):
    def aux(rng, x_BLD, pos_BL):
        return encoding.with_params(encoding.init_params(rng)).aux(x_BLD, pos_BL)

    return jax.eval_shape(aux, jax.random.key(0), x_BLD, pos_BL)
