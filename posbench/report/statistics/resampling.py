"""The bootstrap: what other seeds might have given, from the seeds there are.

The percentile bootstrap of B. Efron, Bootstrap Methods: Another Look at the Jackknife, Annals of Statistics 7 (1979).
Its use on a handful of seeds, and the seeds of each task resampled on their own (stratified), follow R. Agarwal et al.,
Deep Reinforcement Learning at the Edge of the Statistical Precipice (NeurIPS 2021).

Letters of shapes in this package: R resamples, E runs ("encodings"), T tasks, S seeds of a task, K thresholds.
"""

import functools

import numpy as np

RESAMPLES = 10_000
CONFIDENCE = 0.95
MIN_SEEDS = 3  # Fewer seeds say nothing about their spread.


@functools.cache
def draws(seeds: int, task: int = 0) -> np.ndarray:
    """The seed indices of all resamples, draw_RS; they depend on the number of seeds and the place of a task alone.

    So the same files give the same digits, and runs of the same seeds stay paired.
    """
    return np.random.default_rng(task).integers(seeds, size=(RESAMPLES, seeds))


def stratified(tasks: int, seeds: int) -> np.ndarray:
    """The seed indices of all resamples of each task, draw_RTS."""
    return np.stack([draws(seeds, task) for task in range(tasks)], axis=1)


@functools.lru_cache(maxsize=4)
def counts(tasks: int, seeds: int) -> np.ndarray:
    """How often each seed of each task is in each resample, count_RTS: those of `stratified`.

    What is linear in the values is then one product.
    """
    count_RTS = (stratified(tasks, seeds)[..., None] == np.arange(seeds)).sum(axis=2, dtype=np.float64)
    count_RTS.setflags(write=False)  # Shared by all who ask.
    return count_RTS


def interval(statistic_R: np.ndarray, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The percentile interval of a statistic over its resamples."""
    tail = 100 * (1 - confidence) / 2
    low, high = np.percentile(statistic_R, [tail, 100 - tail])
    return float(low), float(high)
