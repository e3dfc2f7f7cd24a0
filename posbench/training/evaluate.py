"""Evaluation on text, at the training length and beyond, by the two protocols that the literature confuses.

Non-overlapping windows: the text is cut into windows of L tokens and every token is scored, so that early tokens of a
window have little context. Sliding window: only the last tokens of a window of L tokens are scored, and those tokens
are the same at every L. ALiBi's gains with L under the first protocol come from fewer early tokens (Press et al.
2022, appendix B), which only the second one shows. Dropout is off in both.
"""

import dataclasses
import functools
import itertools
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import optax

from posbench import positions, streams
from posbench.devices import parallel
from posbench.models.transformer import Transformer
from posbench.training.log import Score


@dataclasses.dataclass(frozen=True)
class Evaluator:
    """Scores texts with the parameters of all seeds at once. Each window length is compiled once."""

    model: Transformer
    position_map: positions.PositionMap
    layout: parallel.Layout
    characters_V: np.ndarray
    seeds: tuple[int, ...]
    batch_tokens: int

    def windows(self, params_S, tokens_N: np.ndarray, length: int, tokens: int | None) -> 'Windows':
        """Scores of every token in non-overlapping windows, over at most `tokens` tokens of the text."""
        count = _fit(len(tokens_N) - 1, length, tokens)
        return self._score(params_S, tokens_N, np.arange(count) * length, length, length)

    def sliding(self, params_S, tokens_N: np.ndarray, length: int, longest: int, stride: int, tokens: int | None):
        """Scores of the last `stride` tokens of windows, the same tokens whatever `length` <= `longest` is.

        The windows end at places spread evenly over the text; at the longest length they hold `tokens` tokens.
        ValueError for a length that cannot score these tokens.
        """
        if not stride <= length <= longest:
            raise ValueError(f'Sliding window: got length {length}, wanted stride {stride} to longest {longest}.')
        count = _fit(len(tokens_N) - 1, longest, tokens)
        end_W = np.linspace(longest, len(tokens_N) - 1, count).astype(np.int64)
        return self._score(params_S, tokens_N, end_W - length, length, stride)

    def _score(self, params_S, tokens_N, start_W, length: int, last: int) -> 'Windows':
        nats_SL = np.zeros((len(self.seeds), last))
        characters_L = np.zeros(last, np.int64)
        for number, (window_BL, real) in enumerate(self._batches(tokens_N, start_W, length)):
            nll_SBL = parallel.to_host(self._nll(params_S, window_BL, number))[:, :real, -last:]
            nats_SL += nll_SBL.astype(np.float64).sum(axis=1)
            characters_L += self.characters_V[window_BL[:real, 1:][:, -last:]].sum(axis=0)
        return Windows(nats_SL, characters_L, len(start_W), length)

    def _batches(self, tokens_N, start_W, length) -> Iterator[tuple[np.ndarray, int]]:
        """Windows of length + 1 tokens, and how many rows are real; the last batch is filled up with its first row."""
        data = self.layout.mesh.shape['data']
        size = max(self.batch_tokens // length // data, 1) * data
        for first in range(0, len(start_W), size):
            start_B = start_W[first : first + size]
            real = len(start_B)
            start_B = np.pad(start_B, (0, size - real), mode='edge')
            yield np.asarray(tokens_N[start_B[:, None] + np.arange(length + 1)], np.int32), real

    def _nll(self, params_S, window_BL, number: int) -> jax.Array:
        window_BL = jax.device_put(window_BL, self.layout.rows)
        seed_S = jnp.asarray(self.seeds, jnp.int32)
        return _nll(self.model, self.position_map, params_S, seed_S, window_BL, jnp.int32(number))


@functools.partial(jax.jit, static_argnums=(0, 1))
def _nll(model, position_map, params_S, seed_S, window_BL, number) -> jax.Array:
    """Nats of every target for every seed, float32 [S, B, L]."""
    tokens_BL, targets_BL = window_BL[:, :-1], window_BL[:, 1:]

    def one_seed(params, seed):
        key = streams.key(seed, 'evaluation', number)
        pos_BL = position_map(key, *tokens_BL.shape, train=False, tokens_BL=tokens_BL)
        logits_BLV = model.apply({'params': params}, tokens_BL, pos_BL)
        return optax.softmax_cross_entropy_with_integer_labels(logits_BLV, targets_BL)

    return jax.vmap(one_seed)(params_S, seed_S)


@dataclasses.dataclass(frozen=True)
class Windows:
    """Sums over windows of one length, by place in the window: `nats_SL` has the scored places, the last ones."""

    nats_SL: np.ndarray
    characters_L: np.ndarray
    count: int
    length: int

    def scores(self) -> list[Score]:
        """One score a seed, over all scored tokens."""
        tokens = self.count * self.nats_SL.shape[1]
        return [Score(float(nats_L.sum()), tokens, int(self.characters_L.sum())) for nats_L in self.nats_SL]

    def by_position(self, border: int) -> list[tuple[int, np.ndarray, int]]:
        """(last place k of a bin, mean loss of each seed, tokens): bins grow with k, one ends at `border`.

        The place after `border`, the first that was never trained, is a bin of its own.
        """
        bins = []
        for start, stop in _bins(self.length, border):
            mean_S = self.nats_SL[:, start:stop].sum(axis=1) / (self.count * (stop - start))
            bins.append((stop, mean_S, self.count * (stop - start)))
        return bins


def _bins(length: int, border: int) -> list[tuple[int, int]]:
    """Half-open ranges of places, a sixteenth of their start wide."""
    edges = [0]
    while edges[-1] < length:
        step = max(edges[-1] // 16, 1)
        following = edges[-1] + step
        for forced in (border, border + 1):
            if edges[-1] < forced < following:
                following = forced
        edges.append(min(following, length))
    return list(itertools.pairwise(edges))


def _fit(available: int, length: int, tokens: int | None) -> int:
    """How many windows of `length` there are in the text and in the budget; ValueError if there is none."""
    budget = available if tokens is None else min(available, tokens)
    count = budget // length
    if count == 0:
        raise ValueError(f'Evaluation at length {length}: got {budget} tokens of text, wanted at least one window.')
    return count
