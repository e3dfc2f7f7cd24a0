"""What an encoding does, measured through its hooks: one function a kind of picture, plain lists of numbers.

All of them take an encoding with its dimensions and parameters bound. Distances go as far as a page can hold them: a
rotation that is sampled too rarely shows waves that are not there.
"""

import functools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from posbench.atlas import probing
from posbench.encodings import base
from posbench.encodings.parts import spectra

SCORING = ('score', 'rotate', 'product')  # those that see queries and keys
POINTS = 2048  # the most distances of one line
REACH = 7  # of a grid: rows and columns on each side of the query
ATTENDED = 256  # the most tokens of one of them
FLOOR = 1e-30  # smaller weights count as this one, so that their logarithm is finite


def each(encoding: base.PositionEncoding, longest: int) -> Iterator[dict]:
    """Every picture that fits the hooks an encoding has, the most telling first; attention comes last, and always."""
    has_scores = any(encoding.has(hook) for hook in SCORING) and not probing.reads_content(encoding)
    if encoding.has('embed'):
        yield similarity(encoding, longest)
    if encoding.has('bias'):
        yield from filter(None, [bias(encoding, longest)])
    if has_scores:
        yield from filter(None, [scores(encoding, longest)])
    if encoding.axes > 1:
        yield from filter(None, [grid(encoding)])
    if has_scores:
        yield from filter(None, [spectrum(encoding, longest)])
    yield random_attention(encoding, longest)


def similarity(encoding: base.PositionEncoding, longest: int) -> dict:
    """Cosine similarity of position vectors, or of one token at two positions where positions are no vectors."""
    position_N = np.unique(np.linspace(0, longest - 1, 128).astype(int))
    pos_BN = probing.lifted(encoding, jnp.asarray(position_N, jnp.int32)[None])
    found_ND, is_token = probing.position_vectors(encoding, pos_BN)
    title = f'Cosine similarity of {"one token at two positions" if is_token else "position vectors"}'
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
    bias_BHLM = _bias(encoding, probing.lifted(encoding, query), probing.lifted(encoding, keys))
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
    # In the order of a sequence, whose last token is the query.
    pos_k_BM = probing.lifted(encoding, jnp.asarray(longest - 1 - distance_N[::-1], jnp.int32)[None])
    found = probing.scores(encoding, pos_k_BM, len(distance_N) - 1)
    if found is None:
        return None
    values_HN = found.of_keys_HM[:, ::-1]
    if found.is_term:
        curves = {f'head {head + 1}': values_N for head, values_N in enumerate(values_HN)}
        title = 'Position term of the logits by distance, root mean square over random queries'
    else:
        equal_N = values_HN.mean(axis=0)
        curves = {'equal key': equal_N / equal_N[0]}
        title = 'Mean score of a query with an equal key by distance, relative to distance 0'
    curves = {name: plain(values, 5) for name, values in curves.items()}
    return dict(kind='score', title=title, distances=distance_N.tolist(), curves=curves)


def grid(encoding: base.PositionEncoding) -> dict | None:
    """What a query in the middle of a grid finds at each key, by rows and columns; None where all keys are alike.

    For encodings of several axes, of which the last two are row and column. The similarity of position vectors, the
    bias, or the score as in `scores`, whichever there is first: one map a head, or one where heads are alike.
    """
    offset_N, query = np.arange(-REACH, REACH + 1), (2 * REACH + 1) ** 2 // 2
    place_NA = np.stack(np.meshgrid(offset_N, offset_N, indexing='ij'), axis=-1).reshape(-1, 2) + REACH
    # What comes before row and column, such as the number of a frame, is the same for all.
    pos_NA = np.pad(place_NA, ((0, 0), (encoding.axes - 2, 0)), constant_values=REACH)
    found = _by_place(encoding, jnp.asarray(pos_NA, jnp.int32)[None], query)
    if found is None or not np.isfinite(found[1]).all() or np.ptp(found[1]) < 1e-6:
        return None
    title, values_HN = found
    named = {f'head {head + 1}': values_N for head, values_N in enumerate(values_HN)}
    if np.allclose(values_HN, values_HN[:1], rtol=0, atol=1e-3 * np.abs(values_HN).max()):
        named = {'all heads': values_HN[0]}
    maps = {name: plain(values_N.reshape(len(offset_N), -1), 4) for name, values_N in named.items()}
    return dict(kind='grid', title=title, offsets=offset_N.tolist(), maps=maps)


def _by_place(encoding: base.PositionEncoding, pos_BNA: jax.Array, query: int) -> tuple[str, np.ndarray] | None:
    """A title and one number a head and a key, [H, N]; the query stands at the place of key number `query`."""
    if encoding.has('embed'):
        found_ND, is_token = probing.position_vectors(encoding, pos_BNA)
        length_N = np.linalg.norm(found_ND, axis=1)
        one, other = ('token', 'the same elsewhere') if is_token else ('position vector', 'those elsewhere')
        title = f'Cosine similarity of the {one} in the middle of a grid with {other}'
        return title, (found_ND @ found_ND[query] / (length_N * length_N[query]))[None]
    if encoding.has('bias'):
        bias_BHLM = _bias(encoding, pos_BNA[:, query : query + 1], pos_BNA)
        if bias_BHLM is not None:
            return 'Bias of the keys around a query', np.asarray(bias_BHLM)[0, :, 0]
    if not any(encoding.has(hook) for hook in SCORING) or probing.reads_content(encoding):
        return None
    found = probing.scores(encoding, pos_BNA, query)
    if found is None:
        return None
    if found.is_term:
        return 'Position term of the logits around a query, root mean square', found.of_keys_HM
    title = 'Mean score of a query with equal keys around it, relative to its own place'
    return title, found.of_keys_HM / found.of_keys_HM[:, query : query + 1]


def _bias(encoding: base.PositionEncoding, pos_q_BL: jax.Array, pos_k_BM: jax.Array) -> jax.Array | None:
    """[B or 1, H, L, M], or None where the hook gives none."""
    return probing.compiled(encoding, lambda encoding, *pos: encoding.bias(*pos))(pos_q_BL, pos_k_BM)


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
    pos_BN = probing.lifted(encoding, jnp.asarray([[1, *(1 + step for step in steps), longest]], jnp.int32))
    width = encoding.head_width

    @functools.partial(probing.compiled, encoding)
    def rotate(encoding, x_BNHK, pos_BN):
        aux = probing.aux_of(encoding, jnp.zeros((1, pos_BN.shape[1], encoding.width)), pos_BN)
        return encoding.rotate(x_BNHK, pos_BN, 'query', aux)

    def turned_BNHK(x_BK):
        x_BNHK = np.broadcast_to(x_BK[:, None, None], (len(x_BK), pos_BN.shape[1], encoding.heads, width))
        return np.asarray(rotate(x_BNHK, pos_BN), np.float64)

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
        weights_BHM = probing.attention_weights(encoding, length)
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


def plain(values: np.ndarray, digits: int) -> list:
    """Nested lists of rounded numbers; a float32 would be written with all the digits of its float64."""
    return np.round(np.asarray(values, np.float64), digits).tolist()


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
