"""What stands between the input layer and the head: layers that turn vectors of tokens into others. One kind a file."""

from posbench import registry

BODIES = registry.Registry('bodies', 'Body')
names, build = BODIES.names, BODIES.build
