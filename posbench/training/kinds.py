"""What the path of a parameter says of it: whether it decays, and which of its axes the model axis of a mesh splits.

One list for all bodies, input layers and heads of the package; a test holds it complete. What no rule names, such as
the parameters of a body that lives outside of it, decays where it is a matrix, and is on every device.
"""

import fnmatch
from typing import Any, NamedTuple

import jax
import numpy as np


class Rule(NamedTuple):
    """decays: weight decay pulls at it; model_axis: the axis that is split, counted from the end, or None."""

    decays: bool
    model_axis: int | None = None


# By the last two names of a path. Heads and hidden channels are split; what is as wide as the residual stream is not.
RULES = {
    'query/kernel': Rule(decays=True, model_axis=-2),
    'key/kernel': Rule(decays=True, model_axis=-2),
    'value/kernel': Rule(decays=True, model_axis=-2),
    'out/kernel': Rule(decays=True, model_axis=-3),
    'gate/kernel': Rule(decays=True, model_axis=-1),
    'up/kernel': Rule(decays=True, model_axis=-1),
    'down/kernel': Rule(decays=True, model_axis=-2),
    'query/bias': Rule(decays=False, model_axis=-2),
    'key/bias': Rule(decays=False, model_axis=-2),
    'value/bias': Rule(decays=False, model_axis=-2),
    'out/bias': Rule(decays=False),
    'gate/bias': Rule(decays=False, model_axis=-1),
    'up/bias': Rule(decays=False, model_axis=-1),
    'down/bias': Rule(decays=False),
    # What enters the gates of a memory, and what returns to them.
    'input/kernel': Rule(decays=True),
    'input/bias': Rule(decays=False),
    '*/recurrent': Rule(decays=True),
    # Gains and shifts.
    '*norm/scale': Rule(decays=False),
    '*norm/bias': Rule(decays=False),
    # Input layers: vectors of tokens, the vector of [CLS], and what maps the vectors of a task.
    'input_layer/vectors': Rule(decays=True),
    'input_layer/projection': Rule(decays=True),
    'input_layer/feature_vectors': Rule(decays=True),
    'feature_projection/kernel': Rule(decays=True),
    'input_layer/first': Rule(decays=False),
    # Combinations with positions: what belongs to a position does not decay, as in encodings.
    'combining/projection': Rule(decays=True),
    'combining/factor': Rule(decays=False),
    'combining/maps': Rule(decays=False),
    'combining/down': Rule(decays=False),
    'combining/up': Rule(decays=False),
    'projection/kernel': Rule(decays=True),
    'projection/bias': Rule(decays=False),
    # Heads.
    'logits/kernel': Rule(decays=True),
    'logits/bias': Rule(decays=False),
}
# Of an encoding convolutions decay, which are what it calls kernel; the rest is its own affair.
OF_ENCODING, CONVOLUTION = Rule(decays=False), Rule(decays=True)


def rule(path: str) -> Rule | None:
    """The rule of the parameter at a path, such as `block_0/query/kernel`; None where the list does not name it.

    What comes before the last names does not matter: a tree of gradients, or of an optimizer's averages, has the same.
    """
    names = path.split('/')
    if of_encoding(path):
        return CONVOLUTION if names[-1] == 'kernel' else OF_ENCODING
    last = '/'.join(names[-2:])
    return next((rule for pattern, rule in RULES.items() if fnmatch.fnmatchcase(last, pattern)), None)


def of_encoding(path: str) -> bool:
    """Whether the parameter at a path is the encoding's own."""
    return 'position_encoding' in path.split('/')


def decaying(params: Any) -> Any:
    """True for the parameters of one model that weight decay pulls at, in a tree of the same form."""

    def one(path, leaf):
        found = rule(jax.tree_util.keystr(path, simple=True, separator='/'))
        return np.ndim(leaf) >= 2 if found is None else found.decays

    return jax.tree.map_with_path(one, params)


def model_axis(path: str) -> int | None:
    """The axis of the parameter at a path that the model axis of a mesh splits, counted from the end."""
    found = rule(path)
    return None if found is None else found.model_axis
