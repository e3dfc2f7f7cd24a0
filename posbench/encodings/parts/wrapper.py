"""An encoding around another one: every hook and claim is that of the inner one until a subclass says otherwise."""

from collections.abc import Callable

import flax.linen as nn

from posbench.encodings import base


def _hook_of_inner(name: str) -> Callable:
    def hook(self, *given, **named):
        return getattr(self.over, name)(*given, **named)

    hook.__name__ = name
    return hook


def _claim_of_inner(name: str) -> property:
    return property(lambda self: getattr(self.over, name))


class Wrapper(base.PositionEncoding):
    """Hands every hook on to `over`, the option that a subclass declares."""

    # Before linen sees the class, because it wraps the methods that it finds in there.
    locals().update({name: _hook_of_inner(name) for name in base.HOOKS})
    locals().update({name: _claim_of_inner(name) for name, together in base.CLAIMS.items() if together})

    @nn.nowrap
    def has(self, hook):
        return getattr(type(self), hook) is not getattr(Wrapper, hook) or self.over.has(hook)

    def embed(self, x_BLD, pos_BL):
        # The parameters of a layer are not there yet, and no encoding that has them has this hook.
        return self.over.embed(x_BLD, pos_BL) if self.over.has('embed') else x_BLD

    def vectors(self, pos_BL):
        """What `over` would add to the token vectors, float32; ValueError where that is nothing."""
        if not self.over.adds_vectors():
            own, inner = (type(one).__module__.rpartition('.')[2] for one in (self, self.over))
            raise ValueError(
                f"{own}: got over={inner!r}, which adds nothing to tokens; wanted one that does, such as 'sinusoidal'."
            )
        return self.over.added(pos_BL)
