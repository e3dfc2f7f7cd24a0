"""Two encodings, one after the other: a learned table below the first layer and a bias in every layer, say.

Most published hybrids are of this kind: Abacus with FIRE (McLeish et al. 2024, arXiv 2405.17399), BiPE's positions
within and between segments (He et al. 2024, arXiv 2401.16421), sinusoids with a relative bias.
"""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import flax.linen as nn

from posbench.encodings import base

# Arguments that hold what both parts have given, a pair.
OF_BOTH = ('aux', 'aux_BM', 'carry')


def _hook_of_parts(name: str) -> Callable:
    """A hook that makes one of those of two parts, in the way that base.py declares."""
    declared, signature = base.HOOKS[name], inspect.signature(getattr(base.PositionEncoding, name))

    def hook(self, *given, **named):
        bound = signature.bind(self, *given, **named)
        bound.apply_defaults()
        _, *arguments = bound.arguments.items()
        asked = [
            (getattr(part, name), [_of_part(number, *argument) for argument in arguments])
            for number, part in enumerate((self.first, self.second))
        ]
        match declared.together:
            case 'both':
                return tuple(ask(*its) for ask, its in asked)
            case 'in turn':
                return _in_turn(asked, (0, 1), declared.carries)
            case 'one':
                return _in_turn(asked, [_the_one(name, self.first, self.second)], declared.carries)
            case combine:
                first, second = (ask(*its) for ask, its in asked)
                return second if first is None else first if second is None else combine(first, second)

    hook.__name__ = name
    return hook


def _of_part(number: int, name: str, value: Any) -> Any:
    """What a part is given of an argument."""
    if isinstance(value, base.Block):
        return value._replace(aux_q=value.aux_q[number], aux_k=value.aux_k[number])
    return value[number] if name in OF_BOTH and value is not None else value


def _in_turn(asked: list[tuple[Callable, list]], numbers: Iterable[int], carries: bool) -> Any:
    """What the last of some parts gives, the first argument of each being what the one before it gave."""
    found, carried = None, [its[-1] for _, its in asked]
    for number in numbers:
        ask, (first, *rest) = asked[number]
        found = ask(first if found is None else found, *rest)
        if carries:
            found, carried[number] = found
    return (found, tuple(carried)) if carries else found


def _the_one(name: str, *parts: base.PositionEncoding) -> int:
    """The number of the part that has a hook; the first one where none has."""
    having = [number for number, part in enumerate(parts) if part.has(name)]
    if len(having) > 1:
        does = inspect.getdoc(getattr(base.PositionEncoding, name)).splitlines()[0]
        raise ValueError(f'chain: got two encodings with the hook {name!r}, wanted at most one. ({does})')
    return having[0] if having else 0


def _claim_of_parts(name: str, together: Callable) -> property:
    return property(lambda self: together((getattr(self.first, name), getattr(self.second, name))))


class Encoding(base.PositionEncoding):
    """Every hook of `first`, then the same hook of `second`; biases are added.

    At most one of them may change the product of query and key, or what enters a layer, or act with weights that are
    no softmax.
    """

    first: base.Nested = 'sinusoidal'
    second: base.Nested = 'alibi'

    # Before linen sees the class, because it wraps the methods that it finds in there.
    locals().update({name: _hook_of_parts(name) for name in base.HOOKS})
    locals().update({name: _claim_of_parts(name, together) for name, together in base.CLAIMS.items() if together})

    @nn.nowrap
    def has(self, hook):
        return self.first.has(hook) or self.second.has(hook)

    def embed(self, x_BLD, pos_BL):
        for part in (self.first, self.second):
            # The parameters of a layer are not there yet, and no such encoding has this hook.
            x_BLD = part.embed(x_BLD, pos_BL) if part.has('embed') else x_BLD
        return x_BLD
