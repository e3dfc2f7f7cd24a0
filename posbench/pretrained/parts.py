"""A published model in terms of posbench: what an architecture makes of a folder."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from posbench.encodings import base
from posbench.models import encoder_decoder, transformer


class Parts(NamedTuple):
    """One Transformer.

    fields: of the Transformer, all but its encoding and dtype.
    params: its parameters, except those of the encoding.
    encoding: the position encoding that it was trained with.
    shared_params, layer_params: the encoding's parameters: those that all layers share, {} where it may have some but
      has none, None where all are the layers' own; and those of each layer.
    """

    fields: dict[str, Any]
    params: dict
    encoding: base.PositionEncoding
    shared_params: dict | None
    layer_params: tuple[dict, ...] = ()

    def model(self, encoding: base.PositionEncoding | None, dtype: jnp.dtype) -> transformer.Transformer:
        """The model; an encoding takes the place of its own."""
        encoding = self.encoding if encoding is None else encoding
        return transformer.Transformer(**self.fields, encoding=encoding, dtype=dtype)

    def encoding_params(self) -> dict:
        """The parameters of the encoding, where the model has them."""
        own = {f'block_{layer}': {'position_encoding': tree} for layer, tree in enumerate(self.layer_params)}
        return own if self.shared_params is None else own | {'position_encoding': self.shared_params}

    @staticmethod
    def initial_params(model: transformer.Transformer, rng: jax.Array) -> dict:
        """Those of a model that was not trained."""
        return model.init(rng, *_inputs(model))['params']


class Pair(NamedTuple):
    """An encoder and a decoder that reads it, which has the token vectors of both."""

    encoder: Parts
    decoder: Parts

    @property
    def params(self) -> dict:
        """Those of both halves, except those of their encodings."""
        return {'encoder': self.encoder.params, 'decoder': self.decoder.params}

    def model(self, encoding: base.PositionEncoding | None, dtype: jnp.dtype) -> encoder_decoder.EncoderDecoder:
        """The model; an encoding takes the place of those of both halves."""
        return encoder_decoder.EncoderDecoder(*(half.model(encoding, dtype) for half in self))

    def encoding_params(self) -> dict:
        """The parameters of the encodings, where the model has them."""
        return {'encoder': self.encoder.encoding_params(), 'decoder': self.decoder.encoding_params()}

    @staticmethod
    def initial_params(model: encoder_decoder.EncoderDecoder, rng: jax.Array) -> dict:
        """Those of a model that was not trained."""
        return model.init(rng, *_inputs(model.encoder), *_inputs(model.decoder))['params']


def _inputs(model: transformer.Transformer) -> tuple[jax.Array, jax.Array]:
    """Two tokens and their positions."""
    axes = model.encoding.axes
    return jnp.zeros((1, 2), jnp.int32), jnp.zeros((1, 2) if axes == 1 else (1, 2, axes), jnp.int32)
