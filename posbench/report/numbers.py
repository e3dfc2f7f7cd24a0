"""How a number is printed. What is judged is judged by the printed digits, so that a reader comes to the same words."""

import math

MISSING = '—'
DIGITS = 3  # decimals in tables


def number(value: float | None, digits: int = DIGITS) -> str:
    """A value as text of stable width: an em dash when unknown, nan and inf as they are, large ones with commas."""
    if value is None:
        return MISSING
    if not math.isfinite(value):
        return str(value)
    if abs(value) >= 1e6:
        return f'{value:.2e}'
    if abs(value) >= 1000:
        return f'{value:,.0f}'
    return f'{value:.{1 if abs(value) >= 100 else digits}f}'


def printed(value: float, digits: int = DIGITS) -> float:
    """The number that a reader of `number` sees."""
    return float(number(value, digits).replace(',', ''))
