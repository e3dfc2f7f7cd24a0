"""A model is an input layer, a body and a head: (batch) -> outputs."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench.bodies import base as bodies
from posbench.encodings import base
from posbench.heads import base as heads
from posbench.inputs import base as inputs
from posbench.models import encoder_decoder, transformer
from posbench.models.cross_attention import Encoded


class Model(nn.Module):
    """Parameters of the body stand beside those of the input layer and the head, without a name of their own."""

    input_layer: inputs.Input
    body: bodies.Body
    head: heads.Head

    def setup(self):
        nn.share_scope(self, self.body)

    def __call__(
        self,
        inputs: jax.Array,
        pos: Any,
        segment_ids_BL: jax.Array | None = None,
        *,
        cache: Any = None,
        rows_B: jax.Array | None = None,
        encoded: Encoded | None = None,
        features_BL: jax.Array | None = None,
    ) -> jax.Array | tuple[jax.Array, Any]:
        """What the head says of one sequence; with a cache also the cache that holds these tokens too.

        Args:
          inputs: what the input layer reads: int32 token ids [B, L], or vectors [B, L, C].
          pos, segment_ids_BL, rows_B: see bodies/base.py.
          cache: `empty_cache(...)` at first.
          encoded: what `encode` made of another sequence.
          features_BL: what a task gives beside each token, int32, for an input layer that wants it.
        """
        if self.head.wants_first:
            pos, segment_ids_BL = with_first(pos), with_first_segment(segment_ids_BL)
        beside = dict(features_BL=features_BL) if self.input_layer.wants_features else {}
        x_BLD = self.input_layer(inputs, pos, self.body.embedding(), **beside)
        h_BLD, cache_after = self.body(x_BLD, pos, segment_ids_BL, cache=cache, rows_B=rows_B, encoded=encoded)
        said = self.head(h_BLD, dict(segment_ids_BL=segment_ids_BL), self.input_layer)
        return said if cache is None else (said, cache_after)

    def vectors(self, batch: dict[str, Any]) -> tuple[jax.Array, jax.Array]:
        """What the input layer has of each token without its position, [B, L, T], and what the body makes of it all.

        Of a model that reads one sequence; the place of [CLS] is left out.
        """
        inputs, pos, segment_ids_BL = read_by(batch), batch['pos_BL'], batch.get('segment_ids_BL')
        if self.head.wants_first:
            pos, segment_ids_BL = with_first(pos), with_first_segment(segment_ids_BL)
        beside = dict(features_BL=batch['features_BL']) if self.input_layer.wants_features else {}
        x_BLD = self.input_layer(inputs, pos, self.body.embedding(), **beside)
        h_BLE, _ = self.body(x_BLD, pos, segment_ids_BL, rows_B=batch.get('rows_B'))
        return self.input_layer.static(inputs), h_BLE[:, int(self.head.wants_first) :]

    def encode(
        self,
        source: jax.Array,
        pos: Any,
        segment_ids_BM: jax.Array | None = None,
        *,
        rows_B: jax.Array | None = None,
    ) -> Encoded:
        """What the encoder of a body that has one makes of a sequence."""
        x_BMD = self.input_layer(source, pos, self.body.source_embedding())
        return self.body.encode(x_BMD, pos, segment_ids_BM, rows_B=rows_B)

    def outputs(self, batch: dict[str, Any]) -> jax.Array:
        """What the head says of a batch, as tasks give them (tasks/base.py) and with positions in it."""
        rows_B, encoded = batch.get('rows_B'), None
        if self.body.reads_source:
            source = batch['source_BM'], batch['source_pos_BM'], batch.get('source_segment_ids_BM')
            encoded = self.encode(*source, rows_B=rows_B)
        given = read_by(batch), batch['pos_BL'], batch.get('segment_ids_BL')
        return self(*given, rows_B=rows_B, encoded=encoded, features_BL=batch.get('features_BL'))

    # What others ask of a model that is not bound to parameters.
    @nn.nowrap
    def empty_cache(self, batch_size: int, length: int, pos: Any = None) -> Any:
        """See models/transformer.py."""
        return self.body.empty_cache(batch_size, length, pos)

    @property
    def encoding(self) -> base.PositionEncoding:
        """The body's, without the dimensions of the model."""
        return self.body.encoding


def read_by(batch: dict[str, Any]) -> jax.Array:
    """What the input layer reads of a batch."""
    return batch['inputs_BL'] if 'inputs_BL' in batch else batch['inputs_BLC']


def with_first(pos: Any) -> Any:
    """Positions with one at the origin before them; the others move up by one in every coordinate."""
    return jax.tree.map(lambda x: jnp.append(jnp.zeros_like(x[:, :1]), x + 1, axis=1), pos)


def with_first_segment(segment_ids_BL: jax.Array | None) -> jax.Array | None:
    """Segments with that of the first document before them, whichever side the padding is on."""
    if segment_ids_BL is None:
        return None
    real = jnp.where(segment_ids_BL < 0, jnp.iinfo(jnp.int32).max, segment_ids_BL)
    return jnp.append(real.min(axis=1, keepdims=True), segment_ids_BL, axis=1)


def hidden_states(model: Model, params: dict, *arguments, **more) -> tuple[list[jax.Array], jax.Array]:
    """(what enters the first layer, what leaves each layer, and the final norm of it if there is one; the outputs).

    `arguments` are those of a call of the model. The list has [B, L, D] in the dtype of the model. Nothing of it is
    kept in any other call. Compile it: where the outputs are not used, they then are not computed either. (Hugging
    Face's `hidden_states` of a model with a final norm have the normalised state in the place of what leaves the last
    layer.)
    """
    said, sown = model.apply({'params': params}, *arguments, **more, mutable=['intermediates'])
    return transformer.sown_states(model.body, sown['intermediates']), said


def hidden_states_of_both(
    model: Model, params: dict, source: tuple, target: tuple
) -> tuple[list[jax.Array], list[jax.Array], jax.Array]:
    """(hidden states of the encoder; of the decoder; the outputs) of a model that reads a source.

    Both are (tokens, positions, segments or None).
    """

    def run(model):
        return model(*target, encoded=model.encode(*source))

    said, sown = model.apply({'params': params}, method=run, mutable=['intermediates'])
    return *encoder_decoder.sown_states_of_both(model.body, sown['intermediates']), said
