"""What maps of positions share: the marks that say what the sequences of a batch have in common, and one check."""

from collections.abc import Callable


def shared_by_batch(function: Callable) -> Callable:
    """Marks a map that gives all sequences of a batch the same positions."""
    function.shared_by_batch = True
    return function


def first_shared(function: Callable) -> Callable:
    """Marks a map of several coordinates whose first one all sequences of a batch share, unless they have segments."""
    function.first_shared = True
    return function


def fits(length: int, function: Callable, **limit: int) -> None:
    """ValueError where a sequence is longer than the option that limits it."""
    ((option, most),) = limit.items()
    if length > most:
        raise ValueError(f'{function.__name__} positions: got a length of {length}, wanted at most {option} = {most}.')
