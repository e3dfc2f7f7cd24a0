"""The share of seeds that succeeded: what to say of seeds of which some learn a task and others do not."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from posbench.report.statistics.resampling import CONFIDENCE
from posbench.report.statistics.summary import Summary


def rate(values: Sequence[float], threshold: float, *, lower: bool = False) -> Summary:
    """Share of values at or above a threshold (`lower`: at or below it); NaN is no success.

    The interval is that of E. B. Wilson (Journal of the American Statistical Association 22, 1927) for the chance of
    another seed to succeed: unlike the bootstrap it is no point where all seeds agree. ValueError without values.
    """
    value_S = np.asarray(values, np.float64)
    if not value_S.size or value_S.ndim != 1:
        raise ValueError(f'got values of shape {value_S.shape}, wanted one for each seed.')
    succeeded = int((value_S <= threshold if lower else value_S >= threshold).sum())
    found = stats.binomtest(succeeded, len(value_S)).proportion_ci(CONFIDENCE, method='wilson')
    finite = int(np.isfinite(value_S).sum())
    return Summary(succeeded / len(value_S), float(found.low), float(found.high), len(value_S), finite)
