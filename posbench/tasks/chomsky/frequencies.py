"""Chance where it is known: what a predictor of the commonest token of each place gets, from exact probabilities."""

import numpy as np


def chance(p_AV: np.ndarray, exact: float) -> dict[str, float]:
    """Every metric of questions.Blanks.

    Args:
      p_AV: the probability that place A of an answer is scored and has token V there.
      exact: that the commonest tokens are the answer.
    """
    scored_A1 = p_AV.sum(axis=1, keepdims=True)
    nats_AV = -p_AV * np.log(np.divide(p_AV, scored_A1, where=p_AV > 0, out=np.ones_like(p_AV)))
    return dict(
        exact_match=float(exact),
        token_accuracy=float(p_AV.max(axis=1).sum() / scored_A1.sum()),
        loss=float(nats_AV.sum() / scored_A1.sum()),
    )


def of_one(p_V: np.ndarray) -> dict[str, float]:
    """Of answers of one token, each with its probability."""
    return chance(np.asarray(p_V, np.float64)[None], max(p_V))


def of_coins(coins: int) -> dict[str, float]:
    """Of answers that so many tosses of a coin decide, each token one of them."""
    return chance(np.full((1, 2), 0.5), 0.5**coins)
