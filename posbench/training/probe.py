"""Where is a token? A probe reads it off the hidden states of each layer, whatever encoding the model has, or none.

Haviv et al. 2022 (arXiv 2203.16634) trained a feed-forward network of two layers on the states of a frozen
decoder, and found that one without positions knows them from an early layer on. Here the first layer of the probe is
drawn and the second one solved for, by ridge regression in NumPy: the same files give the same digits, and no learning
rate has to be found.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from posbench.models import model as models
from posbench.models import transformer
from posbench.tasks import base
from posbench.training import init
from posbench.training.evaluate import Evaluator, key_of
from posbench.training.step import with_positions

# Hidden units of the probe, beside which it has the states themselves.
UNITS = 256
# Tokens that it is fitted on, and as many to be scored on.
TOKENS = 16_384
RIDGE = 1e-3  # of features with a variance of 1, a token


class Probed(NamedTuple):
    """Of one layer and seed, the mean distance from where a token is to where the probe has it, in tokens.

    layer: 0 is what enters the first one, n what leaves the n-th.
    chance: of saying the middle every time.
    """

    layer: int
    seed: int
    error: float
    chance: float
    examples: int


def check(model: models.Model) -> None:
    """ValueError, one line, for a model whose layers cannot be read."""
    if not isinstance(model.body, transformer.Transformer):
        raise ValueError(
            'config.evaluate.probe: got True, wanted False: layers are read of a decoder or an encoder alone'
        )


def position_errors(evaluator: Evaluator, params_S, frozen, split: str, length: int) -> list[Probed]:
    """The error of every layer and seed: fitted on the validation data, scored on those of `split`.

    Where that is the validation split itself, the second half of it is scored by what the first half gave.
    """
    fitted = _read(evaluator, params_S, frozen, 'validation', length)
    scored = fitted if split == 'validation' else _read(evaluator, params_S, frozen, split, length)
    if split == 'validation':
        half = len(fitted[1]) // 2
        fitted, scored = (
            (h[:, :, part], place[part]) for h, place in (fitted,) for part in (slice(half), slice(half, None))
        )
    (fit_SHND, fit_N), (score_SHND, score_N) = fitted, scored
    chance = float(np.abs(score_N - np.median(fit_N)).mean())
    found = []
    for seed, fit_HND, score_HND in zip(evaluator.seeds, fit_SHND, score_SHND):
        for layer, (fit_ND, score_ND) in enumerate(zip(fit_HND, score_HND)):
            said_N = np.clip(fit(fit_ND, fit_N)(score_ND), 0, length - 1)
            found.append(Probed(layer, seed, float(np.abs(said_N - score_N).mean()), chance, len(score_N)))
    return found


def fit(x_ND: np.ndarray, y_N: np.ndarray):
    """A function of states [N, D] that says y as ridge regression has it, on the states and on random ReLU units."""
    x_ND = np.asarray(x_ND, np.float64)
    mean_D, deviation_D = x_ND.mean(axis=0), x_ND.std(axis=0)
    deviation_D = np.where(deviation_D > 0, deviation_D, 1.0)
    draw = np.random.default_rng(0)
    weights_DU = draw.normal(size=(x_ND.shape[1], UNITS)) / np.sqrt(x_ND.shape[1])
    bias_U = draw.normal(size=UNITS)

    def features(x_ND):
        x_ND = (np.asarray(x_ND, np.float64) - mean_D) / deviation_D
        return np.concatenate([np.ones((len(x_ND), 1)), x_ND, np.maximum(x_ND @ weights_DU + bias_U, 0)], axis=1)

    x_NF = features(x_ND)
    strength_F = np.full(x_NF.shape[1], RIDGE * len(x_NF))
    strength_F[0] = 0.0  # the mean of all costs nothing
    solved_F = np.linalg.solve(x_NF.T @ x_NF + np.diag(strength_F), x_NF.T @ np.asarray(y_N, np.float64))
    return lambda x_ND: features(x_ND) @ solved_F


def _read(evaluator: Evaluator, params_S, frozen, split: str, length: int) -> tuple[np.ndarray, np.ndarray]:
    """States [S, layers + 1, N, D] of the first tokens of a split, and the place of each in its sequence [N]."""
    main, states, places, count = next(iter(evaluator.task.protocols)), [], [], 0
    seed_S = jnp.asarray(evaluator.seeds, jnp.int32)
    for number, (protocol, batch) in enumerate(evaluator.task.held_out(split, length, evaluator.budget)):
        if protocol != main or count >= TOKENS:
            continue
        h_SHBLD = _states(evaluator.model, evaluator.position_map, params_S, frozen, seed_S, batch, jnp.int32(number))
        real_BL = _real(batch, h_SHBLD.shape[2:4])
        states.append(np.asarray(h_SHBLD, np.float32)[:, :, real_BL])
        places.append(np.nonzero(real_BL)[1])
        count += len(places[-1])
    return np.concatenate(states, axis=2)[:, :, :TOKENS], np.concatenate(places)[:TOKENS]


def _real(batch: base.Batch, shape: tuple[int, int]) -> np.ndarray:
    """Which places have a token, in rows that are no copies that fill a batch up."""
    weights = batch['weights_BL'] if 'weights_BL' in batch else batch['weights_B']
    real_B1 = np.asarray(weights).reshape(len(weights), -1).any(axis=1)[:, None]
    segments_BL = batch.get('segment_ids_BL')
    return np.broadcast_to(real_B1 if segments_BL is None else real_B1 & (np.asarray(segments_BL) >= 0), shape)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _states(model, position_map, params_S, frozen, seed_S, batch, number) -> jax.Array:
    """What enters the first layer and what leaves each, for every seed: [S, layers + 1, B, L, D]."""

    def of_seed(params, seed):
        whole = with_positions(batch, position_map, key_of(seed, number), train=False)
        _, sown = model.apply(
            {'params': init.merged(params, frozen)}, whole, method='outputs', mutable=['intermediates']
        )
        states = transformer.sown_states(model.body, sown['intermediates'])
        # Without the final norm.
        states_HBLD = jnp.stack(states[: model.body.layers + 1])
        return states_HBLD[:, :, int(model.head.wants_first) :]

    return jax.vmap(of_seed)(params_S, seed_S)
