"""An encoder and a decoder that reads what the encoder made: two Transformers behind one input layer.

Vaswani et al. 2017 (arXiv 1706.03762). The layers are the Block of all other models; those of the decoder attend to the
encoder's output between their attention and their feed-forward layer.
"""

import dataclasses
from typing import Any, ClassVar

import flax.linen as nn
import jax

from posbench.bodies import base
from posbench.models.cross_attention import Encoded
from posbench.models.transformer import Cache, Transformer, sown_states


class Halves(base.Body):
    """What reads by `encoder` and says by `decoder`, each with layers and a position encoding of its own."""

    causal: ClassVar[bool] = True
    reads_source: ClassVar[bool] = True

    def setup(self):
        self.encoder, self.decoder = self.halves()

    def embedding(self):
        """That of the decoder; `source_embedding` is the encoder's."""
        return self.decoder.embedding()

    def source_embedding(self):
        """The encoding that combines the source with its positions."""
        return self.encoder.embedding()

    def encode(
        self,
        x_BMD: jax.Array,
        pos_BM: Any,
        segment_ids_BM: jax.Array | None = None,
        *,
        rows_B: jax.Array | None = None,
    ) -> Encoded:
        """What a call reads as `encoded`, any number of times."""
        h_BMD, _ = self.encoder(x_BMD, pos_BM, segment_ids_BM, rows_B=rows_B)
        return Encoded(h_BMD, segment_ids_BM)

    def __call__(self, x_BLD, pos_BL, segment_ids_BL=None, *, cache=None, rows_B=None, encoded=None):
        """[B, L, D], of the decoder. Where both have segments, a token reads what is in its own segment.

        Keys and values of the encoder's output are made at every call.
        """
        return self.decoder(x_BLD, pos_BL, segment_ids_BL, cache=cache, rows_B=rows_B, encoded=encoded)

    @nn.nowrap
    def empty_cache(self, batch_size: int, length: int, pos: Any = None) -> Cache:
        """That of the decoder."""
        return self.halves()[1].empty_cache(batch_size, length, pos)

    @nn.nowrap
    def halves(self) -> tuple[Transformer, Transformer]:
        """The encoder and the decoder, not bound to any parameters."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class Given:
    """Two modules in something that linen does not look into.

    It would bind them before a model shares its scope with the body, and their initial weights would be drawn by paths
    that they do not have.
    """

    encoder: Transformer
    decoder: Transformer


class EncoderDecoder(Halves):
    """Of two given halves, by `of_halves`, which gives it the fields that input layer and head go by."""

    given: Given | None = None

    @nn.nowrap
    def halves(self):
        """As given."""
        return self.given.encoder, self.given.decoder


def of_halves(encoder: Transformer, decoder: Transformer) -> EncoderDecoder:
    """A body of these two. Raises ValueError where they do not fit together."""
    if encoder.causal or not decoder.causal or encoder.width != decoder.width:
        kinds = ' and '.join(
            f'a{" decoder" if half.causal else "n encoder"} of width {half.width}' for half in (encoder, decoder)
        )
        raise ValueError(f'EncoderDecoder: got {kinds}, wanted an encoder and a decoder of one width.')
    common = {name: getattr(decoder, name) for name in ('encoding', 'width', 'dropout', 'dtype', 'style', 'platform')}
    return EncoderDecoder(**common, given=Given(encoder, decoder))


def sown_states_of_both(body: Halves, sown: dict) -> tuple[list[jax.Array], list[jax.Array]]:
    """Those of the encoder and of the decoder, as `transformer.sown_states` gives them."""
    names = ('encoder', 'decoder')
    return tuple(sown_states(half, sown[name]) for name, half in zip(names, body.halves()))
