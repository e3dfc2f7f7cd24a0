"""Published models as posbench's Model, with the position encoding they were trained with or any other one.

    bert = pretrained.load('path/to/all-MiniLM-L6-v2')
    states, _ = model.hidden_states(bert.model, bert.params, tokens_BL, pos_BL, segment_ids_BL)
    turned = pretrained.load('path/to/all-MiniLM-L6-v2', encoding=encodings.build('rotary'))

The folder is in Hugging Face layout. One architecture a file; each maps the settings and weights of its folder to
fields and parameters of a model.
"""

import functools
import importlib
import pathlib
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from posbench.encodings import base
from posbench.models.model import Model
from posbench.pretrained import converted
from posbench.pretrained import folder as folders

FOLDER = pathlib.Path(__file__).parent


class Pretrained(NamedTuple):
    """A model and its parameters: `model.apply({'params': params}, tokens_BL, pos_BL, segment_ids_BL)`.

    That of an encoder-decoder also takes `encoded`, what `method='encode'` makes of a source; see models/model.py.
    Positions count from 0 in every architecture there is, and padding has segment -1.
    """

    architecture: str
    model: Model
    params: dict


def names() -> list[str]:
    """All architectures, by the `model_type` of their config.json."""
    files = (path for path in FOLDER.glob('*.py') if '\ndef convert(' in path.read_text('utf-8'))
    return sorted(path.stem.replace('_', '-') for path in files)


def load(
    folder: str | pathlib.Path,
    *,
    encoding: base.PositionEncoding | None = None,
    dtype: jnp.dtype = jnp.float32,
    seed: int = 0,
) -> Pretrained:
    """A model in Hugging Face layout: config.json with model.safetensors, or with the files that its index names.

    Args:
      folder: where these files are.
      encoding: takes the place of the model's own position encoding, in both halves of an encoder-decoder; the
        parameters of that one are dropped, and all other weights stay. None: the model's own, with its weights.
      dtype: of activations; parameters are float32.
      seed: of the initial parameters of such an encoding, if it has any; they lie under 'position_encoding' in
        `params`, or in each block, where others can be put in their place.

    Raises ValueError, one line, for a file that is missing, an architecture or a setting that is not supported, and a
    weight that is missing, left over, or of another shape than config.json says.
    """
    architecture, found = _converted(folder)
    model = converted.model(found, encoding, dtype)
    if encoding is None:
        own = found.encoding_params()
    else:
        # Compiled, so that the initial values of all other weights are never made.
        own = jax.jit(lambda rng: _of_encoding(_initial_params(model, rng)))(jax.random.key(seed))
    params = jax.tree.map(jnp.asarray, _merged(found.params, own))
    _check(params, jax.eval_shape(functools.partial(_initial_params, model), jax.random.key(seed)))
    return Pretrained(architecture, model, params)


def body_fields(folder: str | pathlib.Path) -> dict[str, Any]:
    """What builds the body of a folder's model, `name` and fields of bodies/<name>.py; and its `vocabulary`.

    Shapes are read, and no values of weights. Raises ValueError as `load` does, and for an encoder-decoder whose halves
    are of different sizes.
    """
    _, found = _converted(folder, values=False)
    return found.body_fields() | {'vocabulary': found.vocabulary}


def read_params(folder: str | pathlib.Path) -> dict:
    """All parameters of a folder's model with its own encoding, float32 in NumPy. Raises ValueError as `load` does."""
    _, found = _converted(folder)
    return jax.tree.map(np.asarray, _merged(found.params, found.encoding_params()))


def _converted(folder, values: bool = True) -> tuple[str, converted.Parts | converted.Pair]:
    """The architecture of a folder, and what that makes of it."""
    config, weights = folders.read(folder, values=values)
    architecture = config.one_of('model_type', names())
    module = importlib.import_module(f'posbench.pretrained.{architecture.replace("-", "_")}')
    found = module.convert(config, weights)
    weights.finish()
    return architecture, found


def _initial_params(model: Model, rng: jax.Array) -> dict:
    """Those of a model that was not trained."""
    axes = model.encoding.axes
    tokens_BL, pos_BL = jnp.zeros((1, 2), jnp.int32), jnp.zeros((1, 2) if axes == 1 else (1, 2, axes), jnp.int32)
    batch = dict(inputs_BL=tokens_BL, pos_BL=pos_BL, source_BM=tokens_BL, source_pos_BM=pos_BL)
    return model.init(rng, batch, method='outputs')['params']


def _of_encoding(tree: dict) -> dict:
    """The part of a tree of parameters that is the encoding's."""
    found = {}
    for name, value in tree.items():
        if name == 'position_encoding':
            found[name] = value
        elif isinstance(value, dict) and (inner := _of_encoding(value)):
            found[name] = inner
    return found


def _merged(a: dict, b: dict) -> dict:
    return {**a, **b, **{name: _merged(a[name], b[name]) for name in a if name in b}}


def _check(params: dict, wanted: dict) -> None:
    """ValueError where the parameters are not those of the model."""

    def shapes(tree):
        return {jax.tree_util.keystr(path): leaf.shape for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}

    got, wanted = shapes(params), shapes(wanted)
    for path in sorted(got.keys() | wanted.keys()):
        if got.get(path) != wanted.get(path):
            raise ValueError(f'pretrained: got {path} of shape {got.get(path)}, wanted {wanted.get(path)}')
