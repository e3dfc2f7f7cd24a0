"""How the layers of a published model differ from those of posbench, which are what the defaults say."""

import dataclasses
from typing import Literal, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp

Norm = Literal['rms', 'layer']
Activation = Literal['gelu_tanh', 'gelu_erf', 'relu', 'silu']
ACTIVATIONS = {
    'gelu_tanh': nn.gelu,
    'gelu_erf': lambda x: nn.gelu(x, approximate=False),
    'relu': nn.relu,
    'silu': nn.silu,
}
# The linear layers of a block, which `biased` names.
LINEAR = ('query', 'key', 'value', 'out', 'gate', 'up', 'down')


@dataclasses.dataclass(frozen=True)
class Style:
    """What the layers of a model are made of; it knows nothing of positions.

    norm: RMSNorm (Zhang and Sennrich 2019, arXiv 1910.07467) or LayerNorm with gain and shift (Ba et al. 2016, arXiv
      1607.06450).
    epsilon: what both add to the mean square.
    biased: the linear layers of a block that have a bias, of `LINEAR`.
    activation: of the feed-forward layer; GELU by its tanh approximation or exactly (arXiv 1606.08415).
    gated: down(activation(gate(x)) * up(x)) in the place of down(activation(up(x))) (Shazeer 2020, arXiv 2002.05202).
    key_value_heads: heads of keys and values, each shared by heads / key_value_heads neighbouring heads of queries
      (Ainslie et al. 2023, arXiv 2305.13245); None: as many as queries have.
    head_width: channels of a head; None: width / heads.
    embedding_norm: a norm of the token vectors, after positions were added to them.
    vectors_scale: what token vectors are multiplied by, though not where they are output weights; None: sqrt(width).
    """

    norm: Norm = 'rms'
    epsilon: float = 1e-6
    biased: tuple[str, ...] = ()
    activation: Activation = 'gelu_tanh'
    gated: bool = False
    key_value_heads: int | None = None
    head_width: int | None = None
    embedding_norm: bool = False
    vectors_scale: float | None = None

    def __post_init__(self):
        for field, got, wanted in (
            ('norm', [self.norm], get_args(Norm)),
            ('activation', [self.activation], get_args(Activation)),
            ('biased', self.biased, LINEAR),
        ):
            if not set(got) <= set(wanted):
                raise ValueError(f'Style: got {field}={getattr(self, field)!r}, wanted of {", ".join(wanted)}.')

    def normalise(self, dtype: jnp.dtype, name: str | None = None) -> nn.Module:
        """A module that normalises the last axis."""
        if self.norm == 'rms':
            return nn.RMSNorm(epsilon=self.epsilon, dtype=dtype, name=name)
        # The fast variance is a difference of two means: of large vectors it keeps few digits.
        return nn.LayerNorm(epsilon=self.epsilon, dtype=dtype, use_fast_variance=False, name=name)

    def activate(self, x: jax.Array) -> jax.Array:
        """The nonlinearity of the feed-forward layer, element by element."""
        return ACTIVATIONS[self.activation](x)

    def widths(self, width: int, heads: int) -> tuple[int, int]:
        """(heads of keys and values, channels of a head). ValueError where they do not fit the heads of queries."""
        if self.head_width is None and width % heads:
            raise ValueError(f'Transformer: got width={width}, wanted a multiple of heads={heads}.')
        groups = heads if self.key_value_heads is None else self.key_value_heads
        if groups < 1 or heads % groups:
            raise ValueError(f'Transformer: got key_value_heads={groups}, wanted a divisor of heads={heads}.')
        return groups, width // heads if self.head_width is None else self.head_width
