"""The interface of a body: (x_BLD, positions, segments) -> h_BLD."""

from typing import Annotated, Any, ClassVar, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench.encodings import base
from posbench.knobs import Range
from posbench.models import kernels
from posbench.models.ring import Ring
from posbench.models.style import Style

Natural = Annotated[int, Range(min=1)]
# Tables of frequencies have an entry for each channel, and are made in NumPy.
Width = Annotated[int, Range(min=1, max=1_048_576)]
# A program has a block for each; the deepest Transformer that was published has 1,000 (DeepNet, arXiv 2203.00555).
Layers = Annotated[int, Range(min=1, max=1024)]
# Queries and keys of one attention block; None: all at once.
BlockSize = Natural | None


class Body(nn.Module):
    """Base of all bodies. Its own fields, but for those named below, and those of a subclass are `config.model`."""

    # A model gives these.
    set_by_the_house: ClassVar[tuple[str, ...]] = ('encoding', 'dtype', 'style', 'platform', 'embedded', 'ring')
    # A token is told nothing of those after it, so that the next one can be asked for.
    causal: ClassVar[bool] = False
    # Reads another sequence too, by `encode`.
    reads_source: ClassVar[bool] = False
    # The directions in which it reads token by token, so that it has read all where it ends; each has its equal part of
    # the channels, in this order. None where every token hears every other one.
    directions: ClassVar[tuple[str, ...]] = ()

    encoding: base.PositionEncoding = base.PositionEncoding()
    width: Width = 128
    dropout: Annotated[float, Range(min=0, below=1)] = 0.0
    dtype: jnp.dtype = jnp.float32
    style: Style = Style()
    platform: str | None = None
    # The channels that the encoding's `embed` hook is made for, where a combination reserves some; None: all.
    embedded: int | None = None
    # Devices that share each sequence; of bodies that know what to do with it. None: each has whole ones.
    ring: Ring | None = None

    def embedding(self) -> base.PositionEncoding:
        """The encoding whose `embed` hook the input layer calls, with its parameters bound."""
        return base.PositionEncoding()

    @nn.nowrap
    def sized_encoding(self) -> base.PositionEncoding:
        """The encoding with the dimensions of this model; one without hooks where it does nothing."""
        return base.PositionEncoding(parent=None)

    @property
    def says_width(self) -> int:
        """Channels of what it says of a token."""
        return self.width

    def __call__(
        self,
        x_BLD: jax.Array,
        pos_BL: Any,
        segment_ids_BL: jax.Array | None = None,
        *,
        cache: Any = None,
        rows_B: jax.Array | None = None,
        encoded: Any = None,
    ) -> tuple[jax.Array, Any]:
        """(h_BLD in `dtype`, the cache with these tokens or None).

        Args:
          x_BLD: what the input layer made of the tokens.
          pos_BL: their positions; a body may ignore them.
          segment_ids_BL: documents of a packed row; a negative id is padding. None: every row is one document.
          cache: what came before, where the body has an `empty_cache`.
          rows_B: numbers of these rows in the whole batch, by which dropout tells rows apart.
          encoded: what `encode` made of another sequence.
        """
        raise NotImplementedError


class Layers(Body):
    """What a body of attention layers may be: sizes, norms, and how it is computed."""

    layers: Layers = 4
    heads: Natural = 4
    hidden: Natural = 512
    norm: Literal['pre', 'post'] = 'pre'
    qk_norm: bool = False
    remat: bool = False
    scan_layers: bool = False
    block_size: BlockSize = None
    kernel: kernels.Knob = 'auto'
