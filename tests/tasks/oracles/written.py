"""What oracles share of tasks that read something written down: expressions with brackets, numbers of any size."""

import functools
import re


@functools.cache
def is_expression(text):
    """Whether a text is d, -d, (d) or (-d), or two of these and an operator in brackets; d: a digit, or x."""
    if len(text) < 5:
        return bool(re.fullmatch(r'-?[0-4x]|\(-?[0-4x]\)', text))
    middles = [place for place in range(2, len(text) - 2) if text[place] in '+-*']
    return text[0] + text[-1] == '()' and any(
        is_expression(text[1:place]) and is_expression(text[place + 1 : -1]) for place in middles
    )


def two_numbers(symbols):
    """The numbers on both sides of a 2, the smallest bit of each first."""
    between = symbols.index(2)
    numbers = [int(''.join(map(str, reversed(part))), base=2) for part in (symbols[:between], symbols[between + 1 :])]
    assert 0 not in numbers
    return numbers
