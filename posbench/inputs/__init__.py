"""What a model reads, as vectors: one kind of input a file."""

from posbench import registry

INPUTS = registry.Registry('inputs', 'Input')
names, build = INPUTS.names, INPUTS.build
