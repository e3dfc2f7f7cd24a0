"""What an encoding knows of the tokens, a part of which may be the same for all blocks of keys."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax


class Whole(NamedTuple):
    """A part of what `accumulate` gives that is not cut into blocks: `block.aux_k` has it as it is, `aux_q` None.

    For what a pair of tokens should know of a third one, which may be in any block. `tree` holds arrays of any shape.
    """

    tree: Any


def per_token(function: Callable, aux: Any) -> Any:
    """A function of each array of `aux` that has a row for each token; None in the place of what is `Whole`."""
    return jax.tree.map(lambda x: None if _is_whole(x) else function(x), aux, is_leaf=_is_whole)


def with_whole(cut: Any, aux: Any) -> Any:
    """A block of `aux`, such as `per_token` gives, and what in `aux` is whole."""
    return jax.tree.map(lambda x, part: x if _is_whole(x) else part, aux, cut, is_leaf=_is_whole)


def _is_whole(x: Any) -> bool:
    return isinstance(x, Whole)
