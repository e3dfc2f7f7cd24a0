"""What base.py declares of a hook or a claim beside what it does, for all that has to do with every one of them."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, get_args, get_origin, get_type_hints

# How the claims of several encodings make up that of all of them together.
OfAll = Annotated[bool, all]
OfAny = Annotated[bool, any]
Largest = Annotated[int, max]
Normaliser = Annotated[Literal['softmax', 'exp'], lambda claimed: 'exp' if 'exp' in claimed else 'softmax']


class Hook(NamedTuple):
    """What is declared of a hook.

    together: what two encodings make of it, one after the other: 'in turn' each changes what the one before it made of
      the first argument, 'both' give a pair of which each gets its own part back, 'one' of them may have it; or a
      function of what they give, where neither gives None.
    on_attention: it acts on logits, weights or the sum of values themselves, which no fused kernel hands out.
    carries: its last argument is a carry, and beside its result it gives the one for the next block.
    for_others: it only makes what other hooks are given.
    """

    together: Literal['in turn', 'both', 'one'] | Callable
    on_attention: bool = False
    carries: bool = False
    for_others: bool = False


def hook(together: Literal['in turn', 'both', 'one'] | Callable, **fields: bool) -> Callable:
    """Declares a method to be a hook; see `Hook`."""

    def declare(method):
        method.hook = Hook(together, **fields)
        return method

    return declare


def hooks(interface: type) -> dict[str, Hook]:
    """The hooks that a class declares, in the order in which it does."""
    declared = {name: getattr(value, 'hook', None) for name, value in vars(interface).items()}
    return {name: found for name, found in declared.items() if isinstance(found, Hook)}


def claims(interface: type) -> dict[str, Callable[[Any], Any] | None]:
    """The class variables that a class declares, and how those of several encodings make up that of all of them.

    None: what parts claim says nothing about the whole.
    """
    hints = get_type_hints(interface, include_extras=True)
    kinds = {name: get_args(hint)[0] for name, hint in hints.items() if get_origin(hint) is ClassVar}
    return {name: kind.__metadata__[0] if get_origin(kind) is Annotated else None for name, kind in kinds.items()}
