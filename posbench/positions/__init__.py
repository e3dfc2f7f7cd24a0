"""Where position ids come from. Positions are data: every map works with every encoding. One map a file.

A map is a function (rng, batch_size, length, *, options, train) -> pos_BL, int32, or float32 where positions lie
between whole numbers, called as its file is. Those that give all sequences of a batch the same positions are marked
`shared_by_batch`; the trainer then asks for one row, and biases are made once. A map whose positions depend on what the
tokens are takes `tokens_BL` and `segment_ids_BL` as well, and one whose positions depend on how long a document is
`segment_ids_BL`; `looks_for` marks those of its options that are ids of tokens. A map of several coordinates gives
pos_BLA; it is marked `first_shared` where the first one is the place in the sequence.
"""

import dataclasses
import importlib
import inspect
import pathlib
import re
from collections.abc import Callable, Sequence

import jax

from posbench import registry
from posbench.positions import base, documents

FOLDER = pathlib.Path(__file__).parent


def names() -> list[str]:
    """All maps: the files that define a function of their own name."""
    return sorted(
        path.stem for path in FOLDER.glob('*.py') if re.search(rf'^def {path.stem}\(', path.read_text('utf-8'), re.M)
    )


@dataclasses.dataclass(frozen=True)
class PositionMap:
    """A map with its options bound."""

    function: Callable
    options: tuple[tuple[str, object], ...]

    @property
    def needs_tokens(self) -> bool:
        """Whether positions depend on what the tokens are."""
        return 'tokens_BL' in inspect.signature(self.function).parameters

    @property
    def needs_segments(self) -> bool:
        """Whether positions depend on how long a document is, so that those of a longer one cannot stand for them."""
        return not self.needs_tokens and 'segment_ids_BL' in inspect.signature(self.function).parameters

    @property
    def looks_for(self) -> dict[str, base.Looked]:
        """The options that are ids of tokens, and of which."""
        return getattr(self.function, 'looks_for', {})

    def reach(self, length: int, *, train: bool) -> int | None:
        """Positions of sequences of `length` are below this number; None: that is not known without the tokens."""
        numbers = getattr(self.function, 'reaches', None)
        if numbers is None:
            return None
        taken = inspect.signature(numbers).parameters
        defaults = {name: given.default for name, given in inspect.signature(self.function).parameters.items()}
        options = {name: value for name, value in (defaults | dict(self.options)).items() if name in taken}
        return numbers(**options | dict(length=length, train=train))

    def of_tokens(self, spelled_V: Sequence[str] | None, vocabulary: int | None) -> 'PositionMap':
        """This map for a run whose V tokens are spelled like that; None: they are no text.

        ValueError, one line, where it looks for tokens that are not there.
        """
        options = dict(self.options)
        for name, looked in self.looks_for.items():
            if options.get(name) is None:
                ids = base.ids_of(looked, self.function, name, spelled_V)
                options[name] = ids[0] if len(looked.characters) == 1 and looked.alone else ids
            ids = (options[name],) if isinstance(options[name], int) else options[name]
            if not all(0 <= i < (vocabulary or 0) for i in ids):
                raise ValueError(f'config.positions.{name}: got {options[name]}, wanted ids of the {vocabulary} tokens')
        return dataclasses.replace(self, options=tuple(sorted(options.items())))

    def __call__(
        self,
        rng: jax.Array,
        batch_size: int,
        length: int,
        *,
        train: bool,
        tokens_BL: jax.Array | None = None,
        segment_ids_BL: jax.Array | None = None,
    ) -> jax.Array | tuple[jax.Array, ...]:
        """[batch_size, length, ...], or [1, length, ...] where all sequences share the positions.

        A tuple of such arrays [B, L] where they share the first coordinate alone. Positions restart with each document
        where there are segments. ValueError for a map that needs tokens without them.
        """
        options = dict(self.options, train=train)
        if self.needs_tokens:
            if tokens_BL is None:
                raise ValueError(
                    f'{self.function.__name__} positions: got no tokens_BL, wanted the tokens they are of.'
                )
            given = dict(tokens_BL=tokens_BL, segment_ids_BL=segment_ids_BL)
            pos = self.function(rng, batch_size, length, **given, **options)
            if segment_ids_BL is not None or not getattr(self.function, 'first_shared', False):
                return pos
            return pos[:1, :, 0], *(pos[..., axis] for axis in range(1, pos.shape[2]))
        rows = 1 if getattr(self.function, 'shared_by_batch', False) else batch_size
        if segment_ids_BL is not None and self.needs_segments:
            return self.function(rng, batch_size, length, segment_ids_BL=segment_ids_BL, **options)
        return documents.restart(self.function(rng, rows, length, **options), segment_ids_BL)


def build(name: str, *, module: str | None = None, **options) -> PositionMap:
    """The map called `name`; ValueError names the valid ones, TypeError an unknown option.

    `module` is the path of a Python file that defines the function, for maps that live outside the package.
    """
    if module is not None:
        function = registry.from_file('positions', name, module, name)
    elif name in names():
        function = globals()[name]
    else:
        raise ValueError(f'Unknown position map {name!r}; there are {names()}.')
    try:
        inspect.signature(function).bind_partial(**options)
    except TypeError as error:
        raise TypeError(f'Position map {name!r}: {error}.') from None
    return PositionMap(function, tuple(sorted(options.items())))


# By their names, as in `positions.sequential(rng, 4, 128)`: the functions stand in the place of their files.
globals().update({name: getattr(importlib.import_module(f'posbench.positions.{name}'), name) for name in names()})
