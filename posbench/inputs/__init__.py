"""What a model reads, as vectors: one kind of input a file."""

from posbench import registry
from posbench.inputs import base, combine

INPUTS = registry.Registry('inputs', 'Input')
names = INPUTS.names


def build(name: str, *, module: str | None = None, **options) -> base.Input:
    """The input layer called `name`, with its options; `combine` is a name, or dict(name=..., its options)."""
    if 'combine' in options:
        options['combine'] = combine.of(options['combine'])
    return INPUTS.build(name, module=module, **options)
