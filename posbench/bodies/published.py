"""The body of a published model, as a folder in Hugging Face layout describes it."""

from typing import ClassVar

from posbench import bodies, pretrained
from posbench.bodies import base
from posbench.knobs import Path
from posbench.models import kernels


class Body(base.Body, kw_only=True):
    """Gives the encoder, decoder or encoder-decoder of that folder in its own place, with its sizes and its style.

    Nothing but the encoding is chosen here, and no weights are read: config.init takes those from the folder.

    folder: with a config.json and weights that posbench.pretrained reads.
    """

    set_by_the_house: ClassVar[tuple[str, ...]] = (
        'encoding',
        'width',
        'dtype',
        'style',
        'platform',
        'embedded',
        'ring',
    )

    folder: Path
    remat: bool = False
    block_size: base.BlockSize = None
    kernel: kernels.Knob = 'auto'

    def __new__(cls, *, folder, **fields):
        described = pretrained.body_fields(folder)
        del described['vocabulary']
        return bodies.build(**described, **fields)
