"""Every encoding once more: plain loops in float64 NumPy, written from the papers' formulas and from nothing else.

An oracle is `(options, weights) -> Oracle`, with the encoding's parameters as NumPy arrays.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np


def _keep(x_D, position):
    return x_D


class Oracle(NamedTuple):
    """`logit(head, q_K, k_K, i, j)` of a query at position i and a key at j; `embed(x_D, i)` of a token vector."""

    logit: Callable
    embed: Callable = _keep


def _dot(head, q_K, k_K, i, j):
    return sum(a * b for a, b in zip(q_K, k_K)) / math.sqrt(len(q_K))


def none(options, weights) -> Oracle:
    return Oracle(_dot)


def learned(options, weights) -> Oracle:
    """Gehring et al. 2017, section 3.1."""
    return Oracle(_dot, lambda x_D, i: x_D + weights['table'][i])


def sinusoidal(options, weights) -> Oracle:
    """Vaswani et al. 2017, section 3.5; tensor2tensor's frequencies are exp(-c log(theta) / (D/2 - 1))."""

    def embed(x_D, i):
        half, theta = len(x_D) // 2, options['theta']
        vector = np.zeros(len(x_D))
        for c in range(half):
            if options['frequencies'] == 'vaswani':
                angle = i / theta ** (2 * c / len(x_D))
            else:
                angle = i * math.exp(-c * math.log(theta) / (half - 1))
            pair = (2 * c, 2 * c + 1) if options['layout'] == 'interleaved' else (c, half + c)
            vector[pair[0]], vector[pair[1]] = math.sin(angle), math.cos(angle)
        return x_D + vector * (weights['scale'] if options['learned_scale'] else 1.0)

    return Oracle(_dot, embed)


def rotary(options, weights) -> Oracle:
    """Su et al. 2021, section 3.2: Re(q conj(k) e^(i (m - n) theta_c)) of pairs as complex numbers."""

    def logit(head, q_K, k_K, i, j):
        width, total = len(q_K), 0.0
        for c in range(width // 2):
            a, b = (c, c + width // 2) if options['layout'] == 'half' else (2 * c, 2 * c + 1)
            turn = np.exp(1j * (i - j) / options['theta'] ** (2 * c / width))
            total += (complex(q_K[a], q_K[b]) * complex(k_K[a], k_K[b]).conjugate() * turn).real
        return total / math.sqrt(width)

    return Oracle(logit)


def alibi(options, weights) -> Oracle:
    """Press et al. 2022, section 3, and the recursion in the authors' `get_slopes`."""

    def slopes(heads):
        if math.log2(heads).is_integer():
            start = 2 ** (-(2 ** -(math.log2(heads) - 3)))
            return [start * start**h for h in range(heads)]
        closest = 2 ** math.floor(math.log2(heads))
        return slopes(closest) + slopes(2 * closest)[0::2][: heads - closest]

    def logit(head, q_K, k_K, i, j):
        return _dot(head, q_K, k_K, i, j) - slopes(options['heads'])[head] * abs(i - j)

    return Oracle(logit)


def t5_bias(options, weights) -> Oracle:
    """Raffel et al. 2020, section 2.1; `_relative_position_bucket` of mesh-tensorflow, for one pair."""

    def bucket(distance):
        buckets, first = options['buckets'], 0
        if options['bidirectional']:
            buckets //= 2
            first = buckets if distance < 0 else 0
            distance = abs(distance)
        distance, exact = max(distance, 0), buckets // 2
        if distance < exact:
            return first + distance
        # 1e-9: a border such as 16 in 8 * 2^(k/2) belongs to the upper bucket, however the logarithms are rounded.
        part = math.log(distance / exact) / math.log(options['max_distance'] / exact) * (buckets - exact)
        return first + min(exact + math.floor(part + 1e-9), buckets - 1)

    def logit(head, q_K, k_K, i, j):
        return _dot(head, q_K, k_K, i, j) + weights['table'][head][bucket(i - j)]

    return Oracle(logit)


def shaw(options, weights) -> Oracle:
    """Shaw et al. 2018, equations 4 and 5, keys only."""

    def logit(head, q_K, k_K, i, j):
        far = options['max_distance']
        row = min(max(j - i, -far), far) + far
        return _dot(head, q_K, k_K + weights['table'][row], i, j)

    return Oracle(logit)


def transformer_xl(options, weights) -> Oracle:
    """Dai et al. 2019, section 3.3: the four terms (a) to (d), with R gathered at the distance itself."""

    def logit(head, q_K, k_K, i, j):
        width = weights['projection'].shape[0]
        angles = [(i - j) / options['theta'] ** (2 * c / width) for c in range(width // 2)]
        r_D = [math.sin(angle) for angle in angles] + [math.cos(angle) for angle in angles]
        position_K = np.zeros(len(q_K))
        for d, r in enumerate(r_D):
            position_K = position_K + r * weights['projection'][d, head]
        content = _dot(head, q_K + weights['content_bias'][head], k_K, i, j)
        return content + _dot(head, q_K + weights['position_bias'][head], position_K, i, j)

    return Oracle(logit)


ORACLES = {
    oracle.__name__: oracle for oracle in (none, learned, sinusoidal, rotary, alibi, t5_bias, shaw, transformer_xl)
}


def logits(oracle: Oracle, q_BLHK, k_BMHK, pos_q_BL, pos_k_BM) -> np.ndarray:
    """float64 [B, H, L, M]."""
    (batch, length, heads, _), keys = q_BLHK.shape, k_BMHK.shape[1]
    out_BHLM = np.zeros((batch, heads, length, keys))
    for b, h, i, j in np.ndindex(out_BHLM.shape):
        positions = int(pos_q_BL[b, i]), int(pos_k_BM[b, j])
        out_BHLM[b, h, i, j] = oracle.logit(h, q_BLHK[b, i, h], k_BMHK[b, j, h], *positions)
    return out_BHLM


def softmax_values(logits_BHLM, v_BMHK, allowed_BLM) -> np.ndarray:
    """float64 [B, L, H, K]; a query that may see nothing gets 0."""
    batch, heads, length, keys = logits_BHLM.shape
    out_BLHK = np.zeros((batch, length, heads, v_BMHK.shape[-1]))
    for b, h, i in np.ndindex(batch, heads, length):
        seen = [j for j in range(keys) if allowed_BLM[b, i, j]]
        if seen:
            highest = max(logits_BHLM[b, h, i, j] for j in seen)
            weights = [math.exp(logits_BHLM[b, h, i, j] - highest) for j in seen]
            out_BLHK[b, i, h] = sum(w * v_BMHK[b, j, h] for w, j in zip(weights, seen)) / sum(weights)
    return out_BLHK


def causal_layer(oracle: Oracle, x_BLD, pos_BL, heads: int) -> np.ndarray:
    """Embedding and one causal attention whose queries, keys and values are the token vectors, [B, L, H, K]."""
    batch, length, width = x_BLD.shape
    x_BLD = np.array([[oracle.embed(x_BLD[b, i], int(pos_BL[b, i])) for i in range(length)] for b in range(batch)])
    x_BLHK = x_BLD.reshape(batch, length, heads, width // heads)
    past_BLM = np.tril(np.ones((batch, length, length), bool))
    return softmax_values(logits(oracle, x_BLHK, x_BLHK, pos_BL, pos_BL), x_BLHK, past_BLM)
