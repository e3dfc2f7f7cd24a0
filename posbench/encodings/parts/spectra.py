"""Frequencies of sinusoids and rotations, in float64 NumPy: angles.py makes exact angles of them wherever a token is.

Every rule gives omega_C, radians a token of the C = width/2 pairs, from fast to slow; those that also scale queries
and keys give (omega_C, factor). They change how long the period 2 pi / omega of a pair is against the length of the
training sequences, `original_length`. What is called `factor` is how many times longer the sequences may become.
"""

import math

import numpy as np


def geometric(theta: float, width: int) -> np.ndarray:
    """omega_c = theta^(-2c/width) for c = 0 .. width/2 - 1, in radians a token (arXiv 1706.03762, section 3.5)."""
    return theta ** (-np.arange(0, width, 2, dtype=np.float64) / width)


def geometric_inclusive(theta: float, width: int) -> np.ndarray:
    """The same from 1 down to exactly 1/theta, as in tensor2tensor's get_timing_signal_1d: exponent c/(width/2 - 1)."""
    half = width // 2
    return theta ** (-np.arange(half, dtype=np.float64) / max(half - 1, 1))


def linear(theta: float, width: int, factor: float) -> np.ndarray:
    """omega / factor (arXiv 2306.15595, equation 4)."""
    return geometric(theta, width) / factor


def ntk_exponents(width: int) -> np.ndarray:
    """2c/(width - 2), from 0 to 1: what theta * s^(width/(width - 2)) adds to the exponent -2c/width of theta."""
    return np.arange(0, width, 2, dtype=np.float64) / max(width - 2, 1)


def ntk(theta: float, width: int, factor: float) -> np.ndarray:
    """Base theta * factor^(width/(width - 2)): the fastest pair stays, the slowest is divided by factor."""
    return geometric(theta, width) * factor ** -ntk_exponents(width)


def ntk_dynamic(theta: float, width: int, factor: float, original_length: int, length: float) -> np.ndarray:
    """`ntk` by factor * n / original_length - (factor - 1), with n = max(length, original_length)."""
    excess = max(length - original_length, 0) / original_length
    return ntk(theta, width, 1.0 + factor * excess)


def attention_scale(factor: float, slope: float = 1.0) -> float:
    """YaRN's 0.1 * slope * ln(factor) + 1, or 1 where nothing is stretched (arXiv 2309.00071, equation 22)."""
    return 0.1 * slope * math.log(factor) + 1.0 if factor > 1 else 1.0


def yarn(
    theta: float,
    width: int,
    factor: float,
    original_length: int,
    beta_fast: float = 32.0,
    beta_slow: float = 1.0,
    truncate: bool = True,
) -> tuple[np.ndarray, float]:
    """NTK-by-parts, and YaRN's factor for queries and keys (arXiv 2309.00071, sections 3.2 and 3.4).

    Pairs that turn more than `beta_fast` times within the original length stay, those that turn less than `beta_slow`
    times are divided by `factor`, with a ramp in between that is linear in the number of the pair. `truncate` rounds
    the ends of the ramp outwards to whole pairs. The upper end is held below `width`, not below the number of pairs,
    as in the authors' code: so the ramp may end beyond the last pair, which then is not quite divided by `factor`.
    """

    def pair_that_turns(times: float) -> float:
        return width * math.log(original_length / (2 * math.pi * times)) / (2 * math.log(theta))

    first, last = pair_that_turns(beta_fast), pair_that_turns(beta_slow)
    if truncate:
        first, last = math.floor(first), math.ceil(last)
    first, last = max(first, 0), min(last, width - 1)
    if first == last:
        last += 0.001
    ramp_C = np.clip((np.arange(width // 2) - first) / (last - first), 0.0, 1.0)
    omega_C = geometric(theta, width)
    return omega_C / factor * ramp_C + omega_C * (1.0 - ramp_C), attention_scale(factor)


def table_of_pairs(table: tuple[float, ...], pairs: int) -> np.ndarray:
    """A table for each pair. One of another size is stretched: its ends are the first and the last pair, and what lies
    in between is interpolated linearly; a single number is for all pairs."""
    if len(table) == pairs:
        return np.asarray(table, np.float64)
    return np.interp(np.linspace(0.0, 1.0, pairs), np.linspace(0.0, 1.0, len(table)), table)


def longrope(
    theta: float, width: int, table: tuple[float, ...], factor: float, original_length: int
) -> tuple[np.ndarray, float]:
    """omega_c / table_c, and sqrt(1 + ln factor / ln original_length) (arXiv 2402.13753, section 3)."""
    omega_C = geometric(theta, width) / table_of_pairs(table, width // 2)
    return omega_C, math.sqrt(1.0 + math.log(factor) / math.log(original_length)) if factor > 1 else 1.0


def llama3(
    theta: float, width: int, factor: float, original_length: int, low_turns: float = 1.0, high_turns: float = 4.0
) -> np.ndarray:
    """Llama 3.1's rule. Pairs that turn more than `high_turns` times within the original length stay, those that turn
    less than `low_turns` times are divided by `factor`; in between the share of omega grows linearly with the turns."""
    if high_turns <= low_turns:
        raise ValueError(f'llama3: got low_turns={low_turns}, high_turns={high_turns}; wanted low_turns to be smaller.')
    omega_C = geometric(theta, width)
    turns_C = original_length * omega_C / (2 * math.pi)
    kept_C = np.clip((turns_C - low_turns) / (high_turns - low_turns), 0.0, 1.0)
    return (1.0 - kept_C) * omega_C / factor + kept_C * omega_C


def proportional(theta: float, width: int, kept: float) -> np.ndarray:
    """The floor(kept * width / 2) fastest pairs as they are, 0 for the rest (arXiv 2410.06205, "p-RoPE")."""
    omega_C = geometric(theta, width)
    return np.where(np.arange(len(omega_C)) < int(kept * width // 2), omega_C, 0.0)


def slow_pairs(omega_C: np.ndarray, original_length: int) -> int:
    """How many pairs do not complete one turn within the original length."""
    return int((2 * math.pi / omega_C > original_length).sum())


def hope_hf(theta: float, width: int, original_length: int) -> np.ndarray:
    """omega where omega >= 2 pi / original_length, else 0 (arXiv 2410.21216, "HoPE")."""
    omega_C = geometric(theta, width)
    return np.where(2 * math.pi / omega_C > original_length, 0.0, omega_C)


def in_distribution(width: int, original_length: int, rotated: float = 0.5, turns: float = 1.0) -> np.ndarray:
    """RoPE-ID: the first floor(rotated * width / 2) pairs from 1 down to `turns` turns within the original length.

    Their frequencies are geometric, both ends included; the rest is 0 (arXiv 2603.18017).
    """
    pairs = int(rotated * width // 2)
    if pairs == 0:
        raise ValueError(f'RoPE-ID: got a share of {rotated} of {width // 2} pairs, wanted at least one pair.')
    slowest = 2 * math.pi * turns / original_length
    return np.concatenate([geometric_inclusive(1.0 / slowest, 2 * pairs), np.zeros(width // 2 - pairs)])


def clipped(theta: float, width: int, slowest: int, window: str = 'cosine') -> np.ndarray:
    """The `slowest` pairs times (1 + cos t) / 2 with t from 0 to pi ('cosine'), or times 0 ('hard').

    Of a single pair under 'cosine' nothing is clipped (arXiv 2602.05258, "CoPE": clipped RoPE).
    """
    omega_C = geometric(theta, width)
    slowest = min(slowest, len(omega_C))
    taper = 0.5 * (1.0 + np.cos(np.linspace(0.0, np.pi, slowest))) if window == 'cosine' else np.zeros(slowest)
    return omega_C * np.concatenate([np.ones(len(omega_C) - slowest), taper])


def fourier(theta: float, width: int, original_length: int) -> np.ndarray:
    """FoPE's frequencies: only those above 2 pi / original_length, so that C is smaller (arXiv 2412.17739)."""
    omega_C = geometric(theta, width)
    return omega_C[omega_C > 2 * math.pi / original_length]
