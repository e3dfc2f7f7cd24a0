"""What maps of positions share: the marks that say what is known of them without a draw, and two checks."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Looked(NamedTuple):
    """What tokens an option of a map stands for: those that have one of these characters in them.

    alone: such a token may have nothing else in it, because each of them has a place of its own.
    """

    characters: str
    alone: bool = True


def shared_by_batch(function: Callable) -> Callable:
    """Marks a map that gives all sequences of a batch the same positions."""
    function.shared_by_batch = True
    return function


def first_shared(function: Callable) -> Callable:
    """Marks a map of several coordinates whose first one all sequences of a batch share, unless they have segments."""
    function.first_shared = True
    return function


def reaches(numbers: Callable[..., int]) -> Callable:
    """Marks a map of one coordinate and says how far it goes: to numbers below `numbers(length, train, **options)`."""

    def mark(function: Callable) -> Callable:
        function.reaches = numbers
        return function

    return mark


def looks_for(**options: Looked) -> Callable:
    """Marks a map some of whose options are ids of tokens, int or tuple[int, ...], and says of which characters.

    Such an option is None by default: in a run the ids that its tokenizer has for them, elsewhere those of UTF-8 bytes.
    """

    def mark(function: Callable) -> Callable:
        function.looks_for = options
        return function

    return mark


def as_bytes(ids: Any, characters: str) -> tuple[int, ...]:
    """The ids that were given, as a tuple, or where None were, those of ASCII characters as bytes."""
    ids = tuple(characters.encode('ascii')) if ids is None else ids
    return (ids,) if isinstance(ids, int) else tuple(ids)


def ids_of(looked: Looked, function: Callable, option: str, spelled_V: Sequence[str] | None) -> tuple[int, ...]:
    """The tokens that `option` stands for among those that are spelled like that; ValueError, one line, for none."""
    wanted = f'wanted the ids of tokens for {looked.characters!r}'
    got = f'config.positions.{option}: got None for {function.__name__!r} positions'
    if spelled_V is None:
        raise ValueError(f'{got} of a task whose tokens are no text, {wanted}')
    ids = tuple(i for i, text in enumerate(spelled_V) if any(one in text for one in looked.characters))
    if looked.alone:
        mixed = [spelled_V[i] for i in ids if spelled_V[i] not in set(looked.characters)]
        missing = sorted(set(looked.characters) - {spelled_V[i] for i in ids})
        if mixed or missing:
            has = f'has the token {mixed[0]!r}' if mixed else f'has no token {missing[0]!r}'
            raise ValueError(f"{got} and a tokenizer that {has}; {wanted}, or config.dataset.tokenizer='bytes'")
    elif not ids:
        raise ValueError(f"{got} and a tokenizer without such tokens; {wanted}, or config.dataset.tokenizer='bytes'")
    return ids


def fits(length: int, function: Callable, **limit: int) -> None:
    """ValueError where a sequence is longer than the option that limits it."""
    ((option, most),) = limit.items()
    if length > most:
        raise ValueError(f'{function.__name__} positions: got a length of {length}, wanted at most {option} = {most}.')
