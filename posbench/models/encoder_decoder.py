"""An encoder and a decoder that reads what the encoder made: two Transformers with one table of token vectors.

Vaswani et al. 2017 (arXiv 1706.03762). The layers are the Block of all other models; those of the decoder attend to the
encoder's output between their attention and their feed-forward layer.
"""

import flax.linen as nn
import jax

from posbench.models.cross_attention import Encoded
from posbench.models.transformer import Cache, Transformer, sown_states


class EncoderDecoder(nn.Module):
    """Logits of the next token of one sequence, M tokens of another one being known.

    Both halves have their own layers and their own position encoding. Token vectors, and logits, are the decoder's.
    """

    encoder: Transformer
    decoder: Transformer

    def __call__(
        self,
        tokens_BM: jax.Array,
        pos_BM: jax.Array,
        tokens_BL: jax.Array,
        pos_BL: jax.Array,
        segment_ids_BM: jax.Array | None = None,
        segment_ids_BL: jax.Array | None = None,
        *,
        rows_B: jax.Array | None = None,
    ) -> jax.Array:
        """float32 [B, L, V].

        Args:
          tokens_BM, pos_BM, segment_ids_BM: what the encoder reads: ids, positions, and segments or None; negative
            segments are padding, which nobody attends to.
          tokens_BL, pos_BL, segment_ids_BL: the same of the decoder. Where both have segments, a token of the decoder
            attends to those tokens of the encoder that are in its own segment.
          rows_B: numbers of these rows in the whole batch, by which dropout tells rows apart.

        Raises ValueError for halves that do not fit together.
        """
        encoded = self.encode(tokens_BM, pos_BM, segment_ids_BM, rows_B=rows_B)
        return self.decode(encoded, tokens_BL, pos_BL, segment_ids_BL, rows_B=rows_B)

    def encode(
        self,
        tokens_BM: jax.Array,
        pos_BM: jax.Array,
        segment_ids_BM: jax.Array | None = None,
        *,
        rows_B: jax.Array | None = None,
    ) -> Encoded:
        """What `decode` reads, any number of times."""
        self._check()
        h_BMD, _ = self.encoder.states(
            tokens_BM, pos_BM, segment_ids_BM, rows_B=rows_B, input_layer=self.decoder.input_layer
        )
        return Encoded(h_BMD, segment_ids_BM)

    def decode(
        self,
        encoded: Encoded,
        tokens_BL: jax.Array,
        pos_BL: jax.Array,
        segment_ids_BL: jax.Array | None = None,
        *,
        cache: Cache | None = None,
        rows_B: jax.Array | None = None,
    ) -> jax.Array | tuple[jax.Array, Cache]:
        """float32 [B, L, V]; with a cache, `decoder.empty_cache(...)` at first, also the one that holds these tokens.

        Keys and values of the encoder's output are made at every call.
        """
        return self.decoder(tokens_BL, pos_BL, segment_ids_BL, cache=cache, rows_B=rows_B, encoded=encoded)

    def _check(self) -> None:
        kinds = self.encoder.kind, self.decoder.kind
        if kinds != ('encoder', 'decoder'):
            raise ValueError(f'EncoderDecoder: got {kinds[0]} and {kinds[1]}, wanted an encoder and a decoder.')
        for name in ('vocabulary', 'width'):
            sizes = getattr(self.encoder, name), getattr(self.decoder, name)
            if sizes[0] != sizes[1]:
                raise ValueError(
                    f'EncoderDecoder: got {name}={sizes[0]} of the encoder and {sizes[1]} of the decoder, wanted the '
                    'same: they share token vectors.'
                )


def hidden_states(
    model: EncoderDecoder, params: dict, *inputs: jax.Array | None
) -> tuple[list[jax.Array], list[jax.Array], jax.Array]:
    """(hidden states of the encoder; of the decoder; the logits), as `transformer.hidden_states` gives them.

    `inputs` are those of a call of the model.
    """
    logits_BLV, state = model.apply({'params': params}, *inputs, mutable=['intermediates'])
    halves = (sown_states(getattr(model, half), state['intermediates'][half]) for half in ('encoder', 'decoder'))
    return *halves, logits_BLV
