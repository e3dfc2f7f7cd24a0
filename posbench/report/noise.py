"""How large a difference has to be: the noise of the scored data and that of the seeds.

Two lengths of a run, and two runs, are scored on the same data with the same seeds. Much of what chance does to one it
does to the other too, and none of that is in their difference. So cells are combined first, part of the data by part
and seed by seed, and then the spread is taken: parts are the pseudo-values of a jackknife (training/evaluate.py).

parts.jsonl holds, one line for each length and seed, the deciding metric on consecutive parts of the scored data:
{"run": "rope", "step": 1000, "split": "test", "length": 128, "metric": "windows/error", "seed": 0, "values": [...]}
"""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from posbench.report import rows as rows_lib
from posbench.report.rows import ReportError

NAME = 'parts.jsonl'
# Quantiles of Student's t that leave 2.5 % above them, from one degree of freedom on.
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
_Z = 1.959964
_KEYS = {'run': str, 'step': int, 'split': str, 'length': int, 'metric': str, 'seed': int, 'values': list}

# The cell that the values are of: split, metric, length, seed.
Parts = dict[tuple[str, str, int, int], list[float]]


@dataclasses.dataclass(frozen=True)
class Cell:
    """A number by seed, and for each seed what it is on parts of the data; no parts where nobody wrote them."""

    by_seed: dict[int | None, float]
    parts: list[list[float]]

    @property
    def mean(self) -> float:
        return sum(self.by_seed.values()) / len(self.by_seed)


def read(folder: Path, run: str, step: int | None) -> Parts:
    """The parts of one run at a step; none where there is no file. Raises ReportError with file and line."""
    path, found = folder / NAME, {}
    if not path.is_file():
        return found
    for number, line in rows_lib.numbered_objects(path):
        bad = [key for key, kind in _KEYS.items() if not isinstance(line.get(key), kind)]
        if bad or not all(isinstance(value, int | float) for value in line['values']):
            raise ReportError(f'{path}, line {number}: {", ".join(bad or ["values"])}: not what parts of a row have.')
        if (line['run'], line['step']) == (run, step):
            found[line['split'], line['metric'], line['length'], line['seed']] = line['values']
    return found


def half(terms: Sequence[tuple[float, Cell]]) -> float | None:
    """Half of the 95 % interval of a weighted sum of cells, [(1, a), (-1, b)] for a difference; None if unknown.

    Student's t with the degrees of freedom of B. Welch (Biometrika 34, 1947): few seeds or few parts know their own
    spread badly, and make the interval wide. Of one seed it is the noise of the data alone.
    """
    known = [found for found in (_of_seeds(terms), _of_data(terms)) if found is not None]
    variance = sum(part for part, _ in known)
    if not known or not math.isfinite(variance):
        return None
    if variance == 0:
        return 0.0
    return quantile(variance**2 / sum(part**2 / freedom for part, freedom in known)) * math.sqrt(variance)


def told_apart(better: Cell, worse: Cell) -> bool | None:
    """Whether a difference is larger than its noise; None where that is unknown."""
    noise = half([(1, worse), (-1, better)])
    return None if noise is None else abs(worse.mean - better.mean) > noise


def quantile(freedom: float) -> float:
    """Student's t at 97.5 %, of the whole number of degrees of freedom below."""
    whole = max(int(freedom), 1)
    if whole <= len(_T):
        return _T[whole - 1]
    # Cornish and Fisher's expansion, within 0.0003 from eleven degrees of freedom on.
    first, second = (_Z**3 + _Z) / 4, (5 * _Z**5 + 16 * _Z**3 + 3 * _Z) / 96
    third = (3 * _Z**7 + 19 * _Z**5 + 17 * _Z**3 - 15 * _Z) / 384
    return _Z + first / whole + second / whole**2 + third / whole**3


def _of_seeds(terms: Sequence[tuple[float, Cell]]) -> tuple[float, float] | None:
    """Variance of the mean over seeds and its degrees of freedom; seeds are paired where all cells have the same."""
    seeds = [set(cell.by_seed) for _, cell in terms]
    if min(map(len, seeds)) < 2:
        return None
    if all(found == seeds[0] for found in seeds):
        sum_S = [sum(weight * cell.by_seed[seed] for weight, cell in terms) for seed in seeds[0]]
        return _variance(np.array(sum_S)), len(sum_S) - 1
    each = [weight**2 * _variance(np.array(list(cell.by_seed.values()))) for weight, cell in terms]
    return sum(each), min(map(len, seeds)) - 1


def _of_data(terms: Sequence[tuple[float, Cell]]) -> tuple[float, float] | None:
    """Variance by the choice of the data, and its degrees of freedom. All seeds read the same data."""
    found = [values for _, cell in terms for values in cell.parts or [[]]]
    count = min(map(len, found))
    if count < 2:
        return None
    sum_P = sum(weight * np.mean([_folded(values, count) for values in cell.parts], axis=0) for weight, cell in terms)
    return _variance(sum_P), count - 1


def _folded(values: list[float], count: int) -> np.ndarray:
    """So many means of neighbours."""
    return np.array([part.mean() for part in np.array_split(np.asarray(values, np.float64), count)])


def _variance(value_N: np.ndarray) -> float:
    """Of the mean of independent values."""
    return float(value_N.var(ddof=1)) / len(value_N)
