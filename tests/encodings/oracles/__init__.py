"""Every encoding once more: plain loops in float64 NumPy, written from the papers' formulas and from nothing else.

One file for each encoding, of the same name, with

    SETTINGS     the options that are compared; every option takes a second value somewhere
    OTHER        for each option another value, and options that both sides need to make the difference visible
    WIDTH, HEADS the model that is compared, where it is not two heads of four channels
    SPREAD       the standard deviation of its parameters, where it is not 0.3
    CONTRACT     options that the contract is kept with, where the defaults hide a claim or leave a hook out
    FAR          False where float32 is not good for what it makes of a position of a million
    UNCOMPARED   options that only initial values, other layers or places outside of a table depend on
    Oracle       the encoding of one sequence, with its options and its parameters as arrays
"""

import importlib
import math
import pathlib
from typing import Any, NamedTuple

import numpy as np

from posbench.encodings import base

FOLDER = pathlib.Path(__file__).parent


def names() -> list[str]:
    """All encodings that have an oracle."""
    return sorted(path.stem for path in FOLDER.glob('*.py') if path.stem != '__init__')


def module(name: str) -> Any:
    """The file of one encoding."""
    return importlib.import_module(f'tests.encodings.oracles.{name}')


def settings(name: str) -> list[dict]:
    return module(name).SETTINGS


def uncompared(name: str) -> set[str]:
    """Options that no comparison hears, UNCOMPARED, where an oracle's file has it."""
    return getattr(module(name), 'UNCOMPARED', set())


def of(encoding: base.PositionEncoding, params: dict) -> 'Oracle':
    """The oracle of a built encoding with these parameters (any dtype), and those of the encodings inside it."""
    options = {field: getattr(encoding, field) for field in encoding.__dataclass_fields__}
    options |= {name: of(part, params.get(name, {})) for name, part in encoding.parts().items()}
    name = type(encoding).__module__.rpartition('.')[2]
    own = {leaf: np.asarray(value, np.float64) for leaf, value in params.items() if not hasattr(value, 'items')}
    return module(name).Oracle(options, own)


class Sequence(NamedTuple):
    """One row in float64: what enters the layer, its queries, keys and values, positions, and who sees whom."""

    x_LD: np.ndarray
    q_LHK: np.ndarray
    k_MHK: np.ndarray
    v_MHK: np.ndarray
    pos_q_L: np.ndarray
    pos_k_M: np.ndarray
    allowed_LM: np.ndarray


class Oracle:
    """No encoding at all. A subclass overrides the smallest step that its formula changes."""

    def __init__(self, options: dict, weights: dict):
        self.options, self.weights = options, weights

    # Below the first layer, one token at a time.
    def embed_one(self, x_D, i):
        return x_D

    def embed(self, x_LD, pos_L):
        return np.stack([self.embed_one(x_D, i) for x_D, i in zip(x_LD, plain(pos_L))])

    def enter(self, h_LD, pos_L, layer):
        """What the layer is given, of what the layer below it gave."""
        return h_LD

    # The logit of head h for a query at position i and a key at position j; by content, for encodings that read it.
    def logit(self, h, q_K, k_K, i, j):
        return dot(q_K, k_K)

    def logits(self, s: Sequence) -> np.ndarray:
        """float64 [H, L, M]; only those that are allowed are looked at."""
        out_HLM = np.zeros((s.q_LHK.shape[1], len(s.q_LHK), len(s.k_MHK)))
        pos_q, pos_k = plain(s.pos_q_L), plain(s.pos_k_M)
        for h, i, j in np.ndindex(out_HLM.shape):
            if s.allowed_LM[i, j]:
                out_HLM[h, i, j] = self.logit(h, s.q_LHK[i, h], s.k_MHK[j, h], pos_q[i], pos_k[j])
        return out_HLM

    def weights_of(self, s: Sequence) -> np.ndarray:
        """float64 [H, L, M], 0 where nothing is allowed."""
        return softmax(self.logits(s), s.allowed_LM)

    def attend(self, s: Sequence) -> np.ndarray:
        """float64 [L, H, K]."""
        return np.einsum('HLM,MHK->LHK', self.weights_of(s), s.v_MHK)


def dot(q_K, k_K, width=None):
    """q · k / sqrt(K)."""
    return sum(a * b for a, b in zip(q_K, k_K)) / math.sqrt(width or len(q_K))


def plain(pos) -> list:
    """Positions as Python numbers, or tuples of them."""
    return [tuple(row) if isinstance(row, list) else row for row in np.asarray(pos).tolist()]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(logits_HLM, allowed_LM) -> np.ndarray:
    """A query that may see nothing gets 0."""
    out_HLM = np.zeros(logits_HLM.shape)
    for h, i in np.ndindex(logits_HLM.shape[:2]):
        seen = [j for j in range(logits_HLM.shape[2]) if allowed_LM[i, j]]
        if seen:
            highest = max(logits_HLM[h, i, j] for j in seen)
            weights = np.array([math.exp(logits_HLM[h, i, j] - highest) for j in seen])
            out_HLM[h, i, seen] = weights / weights.sum()
    return out_HLM


def causal_layer(oracle: Oracle, x_LD, pos_L, heads: int) -> np.ndarray:
    """Input layer and one causal attention whose queries, keys and values are what enters the layer, [L, H, K]."""
    x_LD = oracle.enter(oracle.embed(x_LD, pos_L), pos_L, 0)
    x_LHK = x_LD.reshape(len(x_LD), heads, -1)
    past_LM = np.tril(np.ones((len(x_LD), len(x_LD)), bool))
    return oracle.attend(Sequence(x_LD, x_LHK, x_LHK, x_LHK, pos_L, pos_L, past_LM))
