"""What a model says, out of what its body made: one kind of head a file."""

from posbench import registry

HEADS = registry.Registry('heads', 'Head')
names, build = HEADS.names, HEADS.build
