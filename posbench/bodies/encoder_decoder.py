"""An encoder that reads one sequence, and a decoder that says another one (Vaswani et al. 2017, arXiv 1706.03762)."""

import dataclasses

import flax.linen as nn

from posbench.bodies import base, decoder, encoder
from posbench.models import encoder_decoder


class Body(encoder_decoder.Halves, base.Layers):
    """Two stacks of `layers` layers; the options are those of both, and each half has the encoding for itself."""

    @nn.nowrap
    def halves(self):
        """Both of the same fields, which are those of this body."""
        names = [field.name for field in dataclasses.fields(self) if field.name not in ('parent', 'name')]
        fields = {name: getattr(self, name) for name in names}
        return encoder.Body(**fields, parent=None), decoder.Body(**fields, parent=None)
