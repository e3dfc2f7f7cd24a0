"""Layers of published models as parameters of a block: what PyTorch keeps as [out, in] is [in, out] here."""

import numpy as np

from posbench.pretrained.folder import Weights

# What Hugging Face calls an activation -> what a style calls it.
ACTIVATIONS = {
    'gelu': 'gelu_erf',
    'gelu_new': 'gelu_tanh',
    'gelu_fast': 'gelu_tanh',
    'gelu_pytorch_tanh': 'gelu_tanh',
    'relu': 'relu',
    'silu': 'silu',
    'swish': 'silu',
}


def dense(
    weights: Weights, name: str, inputs: int, outputs: int, *, bias: bool = True, transposed: bool = True
) -> dict[str, np.ndarray]:
    """A linear layer: kernel [in, out] and bias [out]. `transposed`: it is stored as [out, in]."""
    if transposed:
        layer = {'kernel': weights.take(f'{name}.weight', outputs, inputs).T}
    else:
        layer = {'kernel': weights.take(f'{name}.weight', inputs, outputs)}
    return layer | ({'bias': weights.take(f'{name}.bias', outputs)} if bias else {})


def norm(weights: Weights, name: str, width: int, *, bias: bool = True) -> dict[str, np.ndarray]:
    """A LayerNorm, or without bias an RMSNorm."""
    layer = {'scale': weights.take(f'{name}.weight', width)}
    return layer | ({'bias': weights.take(f'{name}.bias', width)} if bias else {})


def to_heads(layer: dict[str, np.ndarray], heads: int) -> dict[str, np.ndarray]:
    """Queries, keys or values: kernel [D, H K] -> [D, H, K], bias [H K] -> [H, K]. ValueError where H does not fit."""
    if layer['kernel'].shape[-1] % heads:
        raise ValueError(f'config.json: got {heads} heads, wanted a divisor of the width {layer["kernel"].shape[-1]}')
    return {name: value.reshape(*value.shape[:-1], heads, -1) for name, value in layer.items()}


def from_heads(layer: dict[str, np.ndarray], heads: int) -> dict[str, np.ndarray]:
    """The output of attention: kernel [H K, D] -> [H, K, D]; the bias stays [D]."""
    return layer | {'kernel': layer['kernel'].reshape(heads, -1, layer['kernel'].shape[-1])}
