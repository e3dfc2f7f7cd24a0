"""The platform's fused attention, where there is one and the encoding leaves the logits to it.

Rotations and input layers do; biases, scores and gates do not, because no fused kernel takes a function of positions.
cuDNN's flash attention (through `jax.nn.dot_product_attention`) wants a GPU and 16-bit activations. Everywhere else
attention.py does the work, in O(L) memory if `block_size` is set.
"""

from typing import Literal

import jax
import jax.numpy as jnp

from posbench.encodings import base

Knob = Literal['auto', 'own', 'fused']
# What a device of Nvidia calls its platform, and what XLA does.
GPU = ('gpu', 'cuda')


def choose(knob: Knob, encoding: base.PositionEncoding, dtype, platform: str | None) -> tuple[str, str]:
    """('own' or 'fused', the sentence that says why), for an encoding that has its dimensions.

    `platform` is that of the devices that the program is for, such as 'gpu'. The machine that traces it is not asked:
    None means that nobody knows, and then no kernel is fused. ValueError, one line, where 'fused' is asked for in vain.
    """
    if knob == 'own':
        return 'own', 'Attention: own kernel, as asked for.'
    # Only the first one is looked for: the last of them traces a rotation.
    obstacle = next(_obstacles(encoding, jnp.dtype(dtype), platform), None)
    if obstacle is None:
        return 'fused', "Attention: cuDNN's fused kernel for whole sequences, own kernel for packed ones and the cache."
    if knob == 'fused':
        raise ValueError(f"config.model.kernel: got 'fused', wanted 'auto' or 'own', because {obstacle}")
    return 'own', f'Attention: own kernel, because {obstacle}.'


def _obstacles(encoding, dtype, platform):
    if platform is None:
        yield 'the model was not told its platform'
    elif platform not in GPU:
        yield f'this platform ({platform}) has no fused kernel that is used here'
    if dtype.itemsize != 2:
        yield f'the fused kernel takes no {dtype.name} activations'
    kinds = [encoding.at(layer)[0] for layer in range(encoding.period)]
    for name, hook in base.HOOKS.items():
        if hook.on_attention and any(kind.has(name) for kind in kinds):
            yield f'the encoding acts on attention itself ({name})'
    if any(kind.normaliser != 'softmax' for kind in kinds):
        yield 'the weights are no softmax'
    for kind in kinds:
        if (width := rotated_width(kind)) != kind.head_width:
            yield f'rotated queries have {width} channels, values {kind.head_width}'


def rotated_width(encoding: base.PositionEncoding) -> int:
    """Channels of a head in the product of queries and keys, of an encoding that knows its dimensions."""

    def rotate(rng):
        bound = encoding.with_params(encoding.init_params(rng))
        pos = jnp.zeros((1, 1) if encoding.axes == 1 else (1, 1, encoding.axes), jnp.int32)
        order = base.Order(jnp.zeros((1, 1), jnp.int32))
        aux = bound.accumulate(bound.aux(jnp.zeros((1, 1, encoding.width)), pos), pos, order)
        return bound.rotate(jnp.zeros((1, 1, encoding.heads, encoding.head_width)), pos, 'query', aux)

    return jax.eval_shape(rotate, jax.random.key(0)).shape[-1]


def attend(q_BLHK: jax.Array, k_BLHK: jax.Array, v_BLHK: jax.Array, causal: bool, implementation: str = 'cudnn'):
    """softmax(q · k) v of whole sequences, [B, L, H, K]; q is rotated and divided by sqrt(K) already."""
    return jax.nn.dot_product_attention(
        q_BLHK, k_BLHK, v_BLHK, scale=1.0, is_causal=causal, implementation=implementation
    )
