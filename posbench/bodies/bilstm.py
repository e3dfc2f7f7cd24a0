"""Two memories a layer, one that reads a text from first to last and one that reads it from last to first.

Graves and Schmidhuber 2005 (Neural Networks 18:5-6, 602-610). What both say of a token stands side by side: the first
half of the channels comes from what was before it, the second half from what is after it. Order is in the reading, so
that a position encoding only adds to it, and only in the input layer: there is no attention.
"""

from typing import Annotated, ClassVar

import flax.linen as nn
import jax.numpy as jnp

from posbench import encodings
from posbench.bodies import base
from posbench.encodings import base as encoding_base
from posbench.knobs import Range
from posbench.models import lstm
from posbench.models.block import dropout


class Body(base.Body):
    """`layers` layers of two LSTMs each, [B, L, 2 * hidden]; the equations are those of posbench/models/lstm.py.

    A packed document is read as if it stood alone, and so is a text among padding, on whichever side of it that is.

    hidden: channels of each of the two. `dropout` is that of the input and of what leaves each layer.
    """

    directions: ClassVar[tuple[str, ...]] = ('forward', 'backward')

    layers: Annotated[int, Range(min=1, max=1024)] = 1
    hidden: base.Natural = 128

    def setup(self):
        if in_vain := beyond_the_input_layer(self.encoding):
            others = [name for name in encodings.names() if not beyond_the_input_layer(encodings.build(name))]
            raise ValueError(
                f'config.encoding: got one that acts on layers of attention ({", ".join(in_vain)}), of which a bilstm '
                f'has none; wanted one that acts in the input layer alone: {", ".join(others)}'
            )
        self.shared = self.param('position_encoding', self.sized_encoding().init_params)

    def embedding(self) -> encoding_base.PositionEncoding:
        """The encoding, with its parameters."""
        return self.sized_encoding().with_params(self.shared)

    @nn.nowrap
    def sized_encoding(self) -> encoding_base.PositionEncoding:
        """The encoding with the width of the input layer."""
        return self.encoding.sized(self.width, 1, embedded=self.embedded)

    @property
    def says_width(self) -> int:
        """Channels of both directions."""
        return 2 * self.hidden

    @nn.compact
    def __call__(self, x_BLD, pos_BL, segment_ids_BL=None, *, cache=None, rows_B=None, encoded=None):
        """[B, L, 2 * hidden] in `dtype`, and None. What stands at padding says nothing."""
        if cache is not None or encoded is not None:
            raise ValueError('BiLSTM: got a cache or another sequence, wanted one sequence, which it reads both ways.')
        rows_B = jnp.arange(x_BLD.shape[0]) if rows_B is None else rows_B
        h_BLD = dropout(self, x_BLD.astype(self.dtype), self.dropout, rows_B)
        segments_NBL = None if segment_ids_BL is None else both_ways(segment_ids_BL, segment_ids_BL)
        for layer in range(self.layers):
            named = [lstm.Direction(self.hidden, self.dtype, name=f'layer_{layer}_{name}') for name in self.directions]
            (forward_BLG, of_forward_HG), (backward_BLG, of_backward_HG) = (one.gates(h_BLD) for one in named)
            recurrent_NHG = jnp.stack([of_forward_HG, of_backward_HG])
            h_NBLH = lstm.states(both_ways(forward_BLG, backward_BLG), recurrent_NHG, segments_NBL)
            h_BLD = jnp.concatenate([h_NBLH[0], h_NBLH[1, :, ::-1]], axis=-1)
            h_BLD = dropout(self, h_BLD, self.dropout, rows_B)
        return h_BLD, None


def both_ways(forward_BL, backward_BL):
    """[2, B, L, ...]: the one as it is, the other from its last token to its first."""
    return jnp.stack([forward_BL, backward_BL[:, ::-1]])


def beyond_the_input_layer(encoding: encoding_base.PositionEncoding) -> list[str]:
    """The hooks by which an encoding would act on layers."""
    return [name for name in encoding_base.HOOKS if name != 'embed' and encoding.has(name)]
