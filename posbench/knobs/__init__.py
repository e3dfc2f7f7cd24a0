"""Knobs: what each may be, where that is declared, and the way from a file and a command line to a good config.

Nothing here imports jax: a typo is answered in a fraction of a second. What declares knobs writes these inside its
annotations: `theta: Annotated[float, Range(above=0)] = 10_000.0`, `folder: Path | None`, `over: Nested = 'rotary'`.
"""

from typing import Annotated, Any

from posbench.knobs.kinds import ANY_NUMBER, INCREASING, UNIQUE, Range, UsageError

# A file or folder; the value is a text, made absolute before anybody sees it.
Path = Annotated[str, 'a path']
# An option that is an encoding itself: a name, or dict(name=..., its options), until it is built.
Nested = Annotated[Any, 'an encoding']
# One that is a combination of token vectors and position vectors (inputs/combine), in the same way.
Combined = Annotated[Any, 'a combination']

__all__ = ['ANY_NUMBER', 'INCREASING', 'UNIQUE', 'Combined', 'Nested', 'Path', 'Range', 'UsageError']
