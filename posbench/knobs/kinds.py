"""What a knob may be: its type, its range, and the words that say so.

Standard library only, because a typo has to be answered before jax is imported. `Range` and marks such as `UNIQUE` are
written inside annotations, where they do nothing at run time: `theta: Annotated[float, Range(above=0)] = 10_000.0`.
"""

import dataclasses
import difflib
import numbers
import os
import struct
from collections.abc import Iterable
from typing import Any


class UsageError(Exception):
    """A command, config or folder that cannot be used as asked. The message is always one line."""

    def __init__(self, message: str):
        super().__init__(' '.join(message.split()))


class NotAllowed(Exception):
    """A value outside what its knob allows; whoever knows the knob's path turns it into a UsageError."""

    def __init__(self, value: Any, wanted: str, near: str | None = None):
        super().__init__(f'got {show(value)}, wanted {wanted}' + (f'; did you mean {near!r}?' if near else ''))
        self.value, self.wanted, self.near = value, wanted, near


def show(value: Any, limit: int = 80) -> str:
    """The repr of anything at all, at most `limit` characters of it."""
    try:
        text = repr(value)
    except Exception:  # Somebody else's __repr__, or an integer of more digits than Python prints.
        text = f'a value of type {type(value).__name__}'
    return text if len(text) <= limit else text[: limit - 3] + '...'


def nearest(name: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The name that was probably meant, or None. `cutoff` is the similarity it takes, of 1."""
    by_lower = {known.lower(): known for known in names}
    matches = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[matches[0]] if matches else None


@dataclasses.dataclass(frozen=True)
class Range:
    """The allowed interval of a number: `min` and `max` belong to it, `above` and `below` do not."""

    min: float | None = None
    max: float | None = None
    above: float | None = None
    below: float | None = None

    def __contains__(self, value: float) -> bool:
        return (
            (self.min is None or value >= self.min)
            and (self.max is None or value <= self.max)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        if self.min is not None and self.max is not None:
            return f'from {self.min} to {self.max}'
        words = {'above': 'above', 'min': 'of at least', 'below': 'below', 'max': 'at most'}
        limits = [f'{word} {getattr(self, name)}' for name, word in words.items() if getattr(self, name) is not None]
        return ' and '.join(limits)


@dataclasses.dataclass(frozen=True)
class Mark:
    """What an annotation says of a tuple besides the range of its items."""

    words: str


# How a command line says None.
NONE = ('None', 'none', 'null')

UNIQUE = Mark('distinct')
INCREASING = Mark('increasing')
ANY_NUMBER = Mark('any number of')  # none at all, too


class Knob:
    """One typed knob. `wanted` says in words what is allowed."""

    wanted: str

    def check(self, value: Any) -> Any:
        """The value in its one form (an int for a float knob becomes a float, a list a tuple), or NotAllowed."""
        raise NotImplementedError

    def parse(self, text: str) -> Any:
        """The value that a text on the command line stands for, or NotAllowed."""
        return self.check(text)


def _number(text: str) -> int | float | str:
    """1_000, 1e3 and -0.5 as numbers; a text that is no number stays itself, to be shown in the error."""
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return text


def _is_number(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


@dataclasses.dataclass(frozen=True)
class Int(Knob):
    """An integer of at most 32 bits, as positions, steps and shapes are."""

    range: Range = Range()

    @property
    def plural(self) -> str:
        return f'integers {self.range}'.strip()

    @property
    def wanted(self) -> str:
        return f'an integer {self.range}'.strip()

    def check(self, value: Any) -> int:
        if not _is_number(value, numbers.Integral) or value not in self.range:
            raise NotAllowed(value, self.wanted)
        if not -(2**31) <= value < 2**31:
            raise NotAllowed(value, f'{self.wanted}, within 32 bits')
        return int(value)

    def parse(self, text: str) -> int:
        value = _number(text)
        return self.check(int(value) if isinstance(value, float) and value.is_integer() else value)


@dataclasses.dataclass(frozen=True)
class Float(Knob):
    """A finite number that is in its range in float32 as well: 1e-60 is above 0 in float64 only."""

    range: Range = Range()

    @property
    def plural(self) -> str:
        return f'finite numbers {self.range}'.strip()

    @property
    def wanted(self) -> str:
        return f'a finite number {self.range}'.strip()

    def check(self, value: Any) -> float:
        # A nan fails the comparison with infinity as well.
        if not _is_number(value, numbers.Real) or not abs(value) < float('inf') or value not in self.range:
            raise NotAllowed(value, self.wanted)
        try:
            (single,) = struct.unpack('<f', struct.pack('<f', value))
        except (OverflowError, struct.error):
            raise NotAllowed(value, f'{self.wanted}, in float32') from None
        if single not in self.range:
            raise NotAllowed(value, f'{self.wanted}, in float32')
        return float(value)

    def parse(self, text: str) -> float:
        return self.check(_number(text))


@dataclasses.dataclass(frozen=True)
class Bool(Knob):
    wanted = 'true or false'

    def check(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise NotAllowed(value, self.wanted)
        return value

    def parse(self, text: str) -> bool:
        return self.check({'true': True, 'false': False}.get(text.lower(), text))


@dataclasses.dataclass(frozen=True)
class Choice(Knob):
    """One of a few values."""

    values: tuple

    @property
    def wanted(self) -> str:
        listed = ', '.join(map(repr, self.values))
        return f'one of {listed}' if len(self.values) > 1 else listed or 'nothing: there are no choices'

    def check(self, value: Any) -> Any:
        for allowed in self.values:
            if type(value) is type(allowed) and value == allowed:
                return allowed
        names = [name for name in self.values if isinstance(name, str)]
        raise NotAllowed(value, self.wanted, nearest(value, names) if isinstance(value, str) else None)

    def parse(self, text: str) -> Any:
        return self.check({str(allowed): allowed for allowed in self.values}.get(text, text))


@dataclasses.dataclass(frozen=True)
class Text(Knob):
    wanted = 'a text in UTF-8 that is not empty'
    plural = 'texts in UTF-8 that are not empty'

    def check(self, value: Any) -> str:
        # Bytes of the command line that are no UTF-8 arrive as lone surrogates.
        if not isinstance(value, str) or not value or any('\ud800' <= character <= '\udfff' for character in value):
            raise NotAllowed(value, self.wanted)
        return value


@dataclasses.dataclass(frozen=True)
class Inner(Text):
    """A thing that is chosen by name inside another one, from a room of its own; its knobs take its place."""

    room: str = ''


@dataclasses.dataclass(frozen=True)
class Path(Knob):
    wanted = 'a path'

    def check(self, value: Any) -> str:
        text = os.fspath(value) if isinstance(value, os.PathLike) else value
        if not isinstance(text, str) or not text or '\0' in text:
            raise NotAllowed(value, self.wanted)
        return text


@dataclasses.dataclass(frozen=True)
class Tuple(Knob):
    """One or more numbers, or any number of texts: (0, 1, 2) or 0,1,2 on the command line."""

    item: Int | Float | Text = Int()
    length: int | None = None
    marks: frozenset[Mark] = frozenset()

    @property
    def may_be_empty(self) -> bool:
        return (isinstance(self.item, Text) or ANY_NUMBER in self.marks) and self.length is None

    @property
    def wanted(self) -> str:
        count = self.length or (ANY_NUMBER.words if self.may_be_empty else 'one or more')
        return ' '.join([str(count), *sorted(mark.words for mark in self.marks - {ANY_NUMBER}), self.item.plural])

    def check(self, value: Any) -> tuple:
        if not isinstance(value, list | tuple) or (self.length and len(value) != self.length):
            raise NotAllowed(value, self.wanted)
        try:
            items = tuple(self.item.check(item) for item in value)
        except NotAllowed:
            raise NotAllowed(value, self.wanted) from None
        in_order = INCREASING not in self.marks or sorted(set(items)) == list(items)
        distinct = UNIQUE not in self.marks or len(set(items)) == len(items)
        if not (items or self.may_be_empty) or not in_order or not distinct:
            raise NotAllowed(value, self.wanted)
        return items

    def parse(self, text: str) -> tuple:
        inner = text.strip()
        if inner[:1] + inner[-1:] in ('()', '[]'):
            inner = inner[1:-1].strip()
        if not inner and self.may_be_empty:
            return ()
        try:
            items = tuple(self.item.parse(part.strip()) for part in inner.removesuffix(',').split(','))
        except NotAllowed:
            raise NotAllowed(text, self.wanted) from None
        return self.check(items)


@dataclasses.dataclass(frozen=True)
class Nothing(Knob):
    """In the place of a group of knobs that there is not: None, and `because` says why."""

    because: str

    @property
    def wanted(self) -> str:
        return f'None, because {self.because}'

    def check(self, value: Any) -> None:
        if value is not None:
            raise NotAllowed(value, self.wanted)

    def parse(self, text: str) -> None:
        return self.check(None if text in NONE else text)


@dataclasses.dataclass(frozen=True)
class Optional(Knob):
    """Another knob, or None for off."""

    knob: Knob
    # How the command line says None.
    off: tuple[str, ...] = NONE

    @property
    def wanted(self) -> str:
        return f'{self.knob.wanted}, or None'

    def check(self, value: Any) -> Any:
        return None if value is None else self._or_none(self.knob.check, value)

    def parse(self, text: str) -> Any:
        return None if text in self.off else self._or_none(self.knob.parse, text)

    def _or_none(self, read, value):
        try:
            return read(value)
        except NotAllowed as error:
            raise NotAllowed(error.value, f'{error.wanted}, or None', error.near) from None
