"""A published model in terms of posbench: what an architecture makes of a folder."""

from typing import Any, NamedTuple

import jax.numpy as jnp

from posbench import bodies
from posbench.bodies.base import Body
from posbench.encodings import base
from posbench.heads import tied
from posbench.inputs import tokens
from posbench.models import build, encoder_decoder
from posbench.models.model import Model


class Parts(NamedTuple):
    """One body, with token vectors and logits.

    name, fields: of the body, bodies/<name>.py; all its fields but its encoding and dtype.
    vocabulary: how many tokens there are.
    params: the parameters of the model, except those of the encoding.
    encoding: the position encoding that it was trained with.
    shared_params, layer_params: the encoding's parameters: those that all layers share, {} where it may have some but
      has none, None where all are the layers' own; and those of each layer.
    tie: logits are made with the token vectors.
    """

    name: str
    fields: dict[str, Any]
    vocabulary: int
    params: dict
    encoding: base.PositionEncoding
    shared_params: dict | None
    layer_params: tuple[dict, ...] = ()
    tie: bool = True

    def body_fields(self) -> dict[str, Any]:
        """Name and fields of the body."""
        return dict(name=self.name, **self.fields)

    def body(self, encoding: base.PositionEncoding | None, dtype: jnp.dtype) -> Body:
        """The body; an encoding takes the place of its own."""
        encoding = self.encoding if encoding is None else encoding
        return bodies.build(**self.body_fields(), encoding=encoding, dtype=dtype)

    def encoding_params(self) -> dict:
        """The parameters of the encoding, where the model has them."""
        own = {f'block_{layer}': {'position_encoding': tree} for layer, tree in enumerate(self.layer_params)}
        return own if self.shared_params is None else own | {'position_encoding': self.shared_params}


class Pair(NamedTuple):
    """An encoder and a decoder that reads it; `params` of both are those of the bodies alone.

    around: the parameters of input layer and head.
    """

    encoder: Parts
    decoder: Parts
    around: dict

    @property
    def vocabulary(self) -> int:
        """That of both."""
        return self.decoder.vocabulary

    @property
    def tie(self) -> bool:
        """Logits are made with the token vectors."""
        return self.decoder.tie

    @property
    def params(self) -> dict:
        """All parameters, except those of the encodings."""
        return self.around | {'encoder': self.encoder.params, 'decoder': self.decoder.params}

    def body_fields(self) -> dict[str, Any]:
        """Name and fields of the body. Raises ValueError where the halves have different ones: no name builds those."""
        for field, of_encoder in self.encoder.fields.items():
            if of_encoder != self.decoder.fields[field]:
                raise ValueError(
                    f'pretrained: got {field}={of_encoder} of the encoder and {self.decoder.fields[field]} of the '
                    'decoder, wanted the same for a body of both'
                )
        return dict(name='encoder_decoder', **self.decoder.fields)

    def body(self, encoding: base.PositionEncoding | None, dtype: jnp.dtype) -> Body:
        """Both halves; an encoding takes the place of those of both."""
        return encoder_decoder.of_halves(self.encoder.body(encoding, dtype), self.decoder.body(encoding, dtype))

    def encoding_params(self) -> dict:
        """The parameters of the encodings, where the model has them."""
        return {'encoder': self.encoder.encoding_params(), 'decoder': self.decoder.encoding_params()}


def model(parts: Parts | Pair, encoding: base.PositionEncoding | None, dtype: jnp.dtype) -> Model:
    """The model; an encoding takes the place of its own, in all halves."""
    return build.assemble(
        input_layer=tokens.Input(),
        body=parts.body(encoding, dtype),
        head=tied.Head(tie=parts.tie),
        vocabulary=parts.vocabulary,
    )
