"""How token vectors and positions become one vector: one kind of combination a file."""

from typing import Any

from posbench import registry
from posbench.inputs.combine import base

COMBINATIONS = registry.Registry('inputs/combine', 'Combination')
names, build = COMBINATIONS.names, COMBINATIONS.build


def of(given: Any) -> base.Combination:
    """A combination that is given as itself, by its name, or as dict(name=..., its options)."""
    if isinstance(given, base.Combination):
        return given
    # No part of whichever module asks.
    return build(given, parent=None) if isinstance(given, str) else build(**given, parent=None)
