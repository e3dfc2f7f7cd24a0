"""What an encoding does, measured through its hooks: one function a kind of picture, plain lists of numbers.

All of them take an encoding with its dimensions and parameters bound. Distances go as far as a page can hold them: a
rotation that is sampled too rarely shows waves that are not there.
"""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from posbench import attention
from posbench.encodings import base, spectra

# In the order in which a layer calls them; `first_carry` and `declare` only serve others.
HOOKS = ('embed', 'enter', 'aux', 'accumulate', 'rotate', 'product', 'bias', 'score', 'value')
POINTS = 2048  # the most distances of one line
QUERIES = 64  # at least so many random ones, for scores
SEQUENCES = 32  # of random token vectors, for attention
ATTENDED = 256  # the most tokens of one of them
FLOOR = 1e-30  # smaller weights count as this one, so that their logarithm is finite


def each(encoding: base.PositionEncoding, longest: int) -> Iterator[dict]:
    """Every picture that fits the hooks an encoding has, the most telling first; attention comes last, and always."""
    if encoding.has('embed'):
        yield similarity(encoding, longest)
    if encoding.has('bias'):
        yield from filter(None, [bias(encoding, longest)])
    if any(encoding.has(hook) for hook in ('score', 'rotate', 'product')) and not reads_content(encoding):
        yield from filter(None, (view(encoding, longest) for view in (scores, spectrum)))
    yield random_attention(encoding, longest)


def reads_content(encoding: base.PositionEncoding) -> bool:
    """Whether what it adds to attention depends on the tokens by more than their queries and keys."""
    if encoding.needs_causal or encoding.halo:
        return True
    if not (encoding.has('aux') or encoding.has('accumulate')):
        return False
    pos_BL = lifted(encoding, jnp.arange(8, dtype=jnp.int32)[None])
    x_BLD = jax.random.normal(jax.random.key(0), (2, 8, encoding.width))
    one, other = (jax.tree.leaves(aux_of(encoding, x_BLD[i : i + 1], pos_BL)) for i in range(2))
    return any(not np.array_equal(a, b) for a, b in zip(one, other))


def similarity(encoding: base.PositionEncoding, longest: int) -> dict:
    """Cosine similarity of position vectors, or of one token at two positions where positions are no vectors."""
    position_N = np.unique(np.linspace(0, longest - 1, 128).astype(int))
    pos_BN = lifted(encoding, jnp.asarray(position_N, jnp.int32)[None])

    def vectors_ND(x_D):
        x_BND = jnp.broadcast_to(x_D, (1, len(position_N), encoding.width))
        return np.asarray(encoding.embed(x_BND, pos_BN), np.float64)[0]

    found_ND, title = vectors_ND(jnp.zeros(encoding.width)), 'Cosine similarity of position vectors'
    if not np.nan_to_num(found_ND).any():
        found_ND = vectors_ND(jax.random.normal(jax.random.key(0), (encoding.width,)))
        title = 'Cosine similarity of one token at two positions'
    # Past the end of a table there is nothing to draw, and JSON has no NaN.
    real_N = np.isfinite(found_ND).all(axis=1) & (np.abs(found_ND).max(axis=1) > 0)
    position_N, found_ND = position_N[real_N], found_ND[real_N]
    unit_ND = found_ND / np.linalg.norm(found_ND, axis=1, keepdims=True)
    matrix = plain(unit_ND @ unit_ND.T, 4)
    return dict(kind='similarity', title=title, positions=position_N.tolist(), matrix=matrix)


def bias(encoding: base.PositionEncoding, longest: int) -> dict | None:
    """What is added to the logits of the last query, by head and distance; None where that is nothing."""
    distance_N = _distances(longest)
    query = jnp.asarray([[longest - 1]], jnp.int32)
    keys = jnp.asarray(longest - 1 - distance_N, jnp.int32)[None]
    bias_BHLM = encoding.bias(lifted(encoding, query), lifted(encoding, keys))
    if bias_BHLM is None:
        return None
    bias_HN = np.broadcast_to(np.asarray(bias_BHLM)[0, :, 0], (encoding.heads, len(distance_N)))
    title = 'Bias by distance, one line a head'
    return dict(kind='bias', title=title, distances=distance_N.tolist(), heads=plain(bias_HN, 5))


def scores(encoding: base.PositionEncoding, longest: int) -> dict | None:
    """Logits of random queries by distance; None where neither positions nor keys change them.

    Rotations: the mean score of a query with an equal key, relative to distance 0. Position terms of queries (relative
    keys): their root mean square, because their mean is nothing.
    """
    distance_N = _distances(longest)
    q_BLHK = _queries(encoding.heads, encoding.head_width)
    shape = q_BLHK.shape
    # In the order of a sequence, whose last token is the query.
    pos_k = lifted(encoding, jnp.asarray(longest - 1 - distance_N[::-1], jnp.int32)[None])
    aux_k = aux_of(encoding, jnp.zeros((1, len(distance_N), encoding.width)), pos_k)
    aux_q, pos_q = jax.tree.map(lambda x: x[:, -1:], (aux_k, pos_k))

    def of_some(q_BLHK, key_BLHK):
        keys_BMHK = jnp.broadcast_to(key_BLHK, (len(q_BLHK), len(distance_N), *shape[2:]))
        q = encoding.rotate(jnp.asarray(q_BLHK), pos_q, 'query', aux_q) * shape[-1] ** -0.5
        k = encoding.rotate(keys_BMHK, pos_k, 'key', aux_k)
        block, carry = base.Block(q, k, pos_q, pos_k, aux_q, aux_k), encoding.first_carry(q)
        logits_BHLM, carry = encoding.product(block, carry)
        logits_BHLM, _ = encoding.score(logits_BHLM, block, carry)
        return np.asarray(logits_BHLM)[:, :, 0, ::-1]

    def logits_BHN(key_BLHK):
        # A few at a time: rotated keys may be wider than keys, and all at once could need more memory than training.
        parts = range(0, shape[0], 8)
        return np.concatenate([of_some(q_BLHK[at : at + 8], key_BLHK[at : at + 8]) for at in parts])

    of_nothing = logits_BHN(np.zeros_like(q_BLHK))
    if np.abs(of_nothing).max() > 1e-6:
        curves = {f'head {head + 1}': np.sqrt((of_nothing[:, head] ** 2).mean(axis=0)) for head in range(shape[2])}
        title = 'Position term of the logits by distance, root mean square over random queries'
    else:
        equal = logits_BHN(q_BLHK).mean(axis=(0, 1))
        if equal[0] == 0:
            return None
        curves = {'equal key': equal / equal[0]}
        title = 'Mean score of a query with an equal key by distance, relative to distance 0'
    curves = {name: plain(values, 5) for name, values in curves.items()}
    return dict(kind='score', title=title, distances=distance_N.tolist(), curves=curves)


def spectrum(encoding: base.PositionEncoding, longest: int) -> dict | None:
    """Wavelengths in tokens of the turns that queries make, longest last; None where nothing is turned.

    Read from the rotation matrices themselves: they commute, so that one basis diagonalises those of all positions,
    and the angle after 1, 8, 64, ... tokens gives the frequency more and more exactly.
    """
    if not encoding.has('rotate'):
        return None
    steps = [8**n for n in range(5) if 8**n < longest]
    # From position 1 on, because a temperature may leave nothing of position 0; and the longest, by which an encoding
    # may choose its spectrum.
    pos_BN = lifted(encoding, jnp.asarray([[1, *(1 + step for step in steps), longest]], jnp.int32))
    aux = aux_of(encoding, jnp.zeros((1, pos_BN.shape[1], encoding.width)), pos_BN)
    width = encoding.head_width

    def turned_BNHK(x_BK):
        x_BNHK = jnp.broadcast_to(x_BK[:, None, None], (len(x_BK), pos_BN.shape[1], encoding.heads, width))
        return np.asarray(encoding.rotate(x_BNHK, pos_BN, 'query', aux), np.float64)

    unit_KK = np.eye(width, dtype=np.float32)
    columns_KNHK = turned_BNHK(unit_KK)
    if columns_KNHK.shape[-1] != width or not np.isfinite(columns_KNHK).all():
        return None
    together_NHK = turned_BNHK(unit_KK.sum(axis=0, keepdims=True))[0]
    if not np.allclose(together_NHK, columns_KNHK.sum(axis=0), atol=1e-3):
        return None  # Not linear: no rotation.
    found = [_frequencies(columns_KNHK[:, :, head], steps) for head in range(encoding.heads)]
    if any(values is None for values in found) or np.max(found) < 1e-9:
        return None
    frequency_HC = np.stack(found)
    curves = {f'head {head + 1}': values for head, values in enumerate(frequency_HC)}
    if np.allclose(frequency_HC, frequency_HC[:1], rtol=1e-3, atol=1e-9):
        curves = {'this encoding': frequency_HC[0]}
    theta, title = _option(encoding, 'theta') or 10_000.0, 'Wavelength of each pair of channels, in tokens'
    usual_C = spectra.geometric(theta, width - width % 2)
    if not any(len(values) == len(usual_C) and np.allclose(values, usual_C, rtol=1e-3) for values in curves.values()):
        curves['plain rotary'] = usual_C
        title += f'; beside it plain rotary with theta {theta:g}'
    wavelengths = {name: [_wavelength(value) for value in values] for name, values in curves.items()}
    return dict(kind='spectrum', title=title, wavelengths=wavelengths)


def random_attention(encoding: base.PositionEncoding, longest: int) -> dict:
    """Mean and spread by distance of the last query's log10 weight, relative to an even share, over random tokens.

    Queries and keys are random projections of normalised random token vectors, always the same ones. Where positions
    end (a table of 100 rows, say) the sequences are shorter.
    """
    length = min(longest, ATTENDED)
    while True:
        weights_BHM = attention_weights(encoding, length)
        if np.isfinite(weights_BHM).all() or length < 4:
            break
        length //= 2
    log_BHN = np.log10(np.maximum(np.nan_to_num(weights_BHM) * length, FLOOR))[:, :, ::-1]
    # Near distances one by one, further ones a few together: their differences are the chance of the draw.
    starts_N = np.array([*range(min(length, 16)), *range(16, length, 8)])
    counts_N = np.diff(starts_N, append=length)

    def mean_HN(values_HN):
        return np.add.reduceat(values_HN, starts_N, axis=1) / counts_N

    title = 'Attention to random tokens by distance, over an even share: mean and spread'
    return dict(
        kind='attention',
        title=title,
        distances=(starts_N + (counts_N - 1) // 2).tolist(),
        heads=plain(mean_HN(log_BHN.mean(axis=0)), 4),
        spread=plain(mean_HN(log_BHN.std(axis=0)), 4),
    )


def attention_weights(encoding: base.PositionEncoding, length: int) -> np.ndarray:
    """The last query's weights of all keys, oldest first, float32 [SEQUENCES, H, length]."""
    rngs = jax.random.split(jax.random.key(1), 3)
    x_BLD = jax.random.normal(rngs[0], (SEQUENCES, length, encoding.width))
    pos_BL, order = lifted(encoding, jnp.arange(length, dtype=jnp.int32)[None]), attention.sequence_order(length)
    if encoding.has('embed'):
        x_BLD = encoding.embed(x_BLD, pos_BL)
    if encoding.has('enter'):
        x_BLD = encoding.enter(x_BLD, x_BLD, pos_BL, order, order, jnp.int32(0))
    x_BLD = x_BLD / jnp.sqrt((x_BLD**2).mean(axis=-1, keepdims=True) + 1e-6)
    shape = (encoding.width, encoding.heads, encoding.head_width)
    q_BLHK, k_BMHK = (
        jnp.einsum('BLD,DHK->BLHK', x, jax.random.normal(rng, shape) * encoding.width**-0.5)
        for x, rng in zip((x_BLD[:, -1:], x_BLD), rngs[1:])
    )
    aux_k = aux_of(encoding, x_BLD, pos_BL)
    aux_q, pos_q, order_q = jax.tree.map(lambda x: x[:, -1:], (aux_k, pos_BL, order))
    listener = _Listener(encoding)
    attention.attend(
        q_BLHK,
        k_BMHK,
        k_BMHK[..., :1],
        encoding=listener,
        pos_q_BL=pos_q,
        pos_k_BM=pos_BL,
        aux_q=aux_q,
        aux_k=aux_k,
        order_q=order_q,
        order_k=order,
    )
    weights_BHM = np.asarray(listener.weights_BHLM)[:, :, 0]
    return weights_BHM if encoding.normaliser == 'exp' else weights_BHM / weights_BHM.sum(axis=-1, keepdims=True)


class _Listener:
    """An encoding in all but `value`, which keeps the weights that it is shown and adds nothing."""

    def __init__(self, encoding: base.PositionEncoding):
        self.encoding = encoding

    def __getattr__(self, name: str) -> Any:
        return getattr(self.encoding, name)

    def value(self, weights_BHLM, block):
        self.weights_BHLM = weights_BHLM


def aux_of(encoding: base.PositionEncoding, x_BLD: jax.Array, pos_BL: jax.Array) -> Any:
    """What the hooks of attention get to know of whole sequences."""
    return encoding.accumulate(encoding.aux(x_BLD, pos_BL), pos_BL, attention.sequence_order(x_BLD.shape[1]))


def lifted(encoding: base.PositionEncoding, pos_BL: jax.Array) -> jax.Array:
    """The same number in every coordinate."""
    return pos_BL if encoding.axes == 1 else jnp.stack([pos_BL] * encoding.axes, axis=-1)


def plain(values: np.ndarray, digits: int) -> list:
    """Nested lists of rounded numbers; a float32 would be written with all the digits of its float64."""
    return np.round(np.asarray(values, np.float64), digits).tolist()


def _queries(heads: int, head_width: int) -> np.ndarray:
    """float32 [QUERIES or a few more, 1, H, K]: random directions at right angles, so that few have an exact mean."""
    bases = -(-QUERIES // head_width)
    drawn = np.random.default_rng(0).normal(size=(heads, bases, head_width, head_width))
    unit_HNKK = np.linalg.qr(drawn)[0] * head_width**0.5
    return np.moveaxis(unit_HNKK.reshape(heads, -1, head_width), 0, 1)[:, None].astype(np.float32)


def _distances(longest: int) -> np.ndarray:
    return np.unique(np.linspace(0, longest - 1, min(longest, POINTS)).astype(int))


def _frequencies(columns_KNK: np.ndarray, steps: list[int]) -> np.ndarray | None:
    """Radians a token of each pair of channels, highest first, from the matrices at the start and `steps` later.

    None where eight turns of one step are not one of eight, so that there are no frequencies.
    """
    matrices_NKK = np.moveaxis(columns_KNK, 0, -1)
    first = np.linalg.pinv(matrices_NKK[0])
    turns = [matrix @ first for matrix in matrices_NKK[1 : 1 + len(steps)]]
    if len(turns) > 1 and not np.allclose(_unit(np.linalg.matrix_power(turns[0], 8)), _unit(turns[1]), atol=0.01):
        return None
    # Those of one position alone may have equal eigenvalues.
    _, basis_KC = np.linalg.eig(sum(turn / (n + 1) for n, turn in enumerate(turns)))
    frequency_C = np.zeros(basis_KC.shape[1])
    for step, turn in zip(steps, turns):
        angle_C = np.angle(np.einsum('kc,kl,lc->c', basis_KC.conj(), turn, basis_KC))
        error_C = (angle_C - frequency_C * step + np.pi) % (2 * np.pi) - np.pi
        frequency_C = frequency_C + error_C / step
    # Each pair turns both ways, once for either of two conjugate eigenvectors.
    return np.sort(np.abs(frequency_C))[::-1][::2]


def _unit(matrix_KK: np.ndarray) -> np.ndarray:
    """Without its size, which a temperature changes."""
    return matrix_KK / max(np.linalg.norm(matrix_KK, 2), 1e-12)


def _wavelength(frequency: float) -> float | None:
    """Tokens for a whole turn, four digits of it; None for what does not turn."""
    return float(f'{2 * np.pi / frequency:.4g}') if frequency > 1e-9 else None


def _option(encoding: base.PositionEncoding, name: str) -> Any:
    """An option of an encoding, or of the first part of it that has one."""
    if hasattr(encoding, name):
        return getattr(encoding, name)
    return next((value for part in encoding.parts().values() if (value := _option(part, name)) is not None), None)
