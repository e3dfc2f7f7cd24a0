"""Knobs: what each may be, where that is declared, and the way from a file and a command line to a good config.

Nothing here imports jax: a typo is answered in a fraction of a second. Encodings, position maps and tasks write `Range`
inside the annotations of their options: `theta: Annotated[float, Range(above=0)] = 10_000.0`.
"""

from posbench.knobs.kinds import Range, UsageError

__all__ = ['Range', 'UsageError']
