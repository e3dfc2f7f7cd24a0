"""What an encoding looks like: encoding.json, from its hooks and trained parameters. A report draws it."""

import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np

from posbench import parallel
from posbench.encodings import base
from posbench.files import write_atomically
from posbench.job import Job
from posbench.train import Trained

NAME = 'encoding.json'


def write(job: Job, trained: Trained, folder: pathlib.Path) -> None:
    """Draws the encoding of the first seed, of the first layer where layers differ."""
    params = jax.tree.map(lambda leaf: leaf[0], parallel.to_host(trained.params))
    if not parallel.is_first():
        return
    model = job.model
    encoding = model.encoding.sized(model.width, model.heads)
    part, name = encoding.at(0)
    shared = params.get('position_encoding', {})
    layer = params.get('block_0', {}).get('position_encoding', {})
    if model.scan_layers:
        blocks = params['blocks'] if encoding.period == 1 else params['blocks']['block_0']
        layer = jax.tree.map(lambda leaf: leaf[0], blocks.get('position_encoding', {}))
    bound = part.with_params(shared.get(name, {}) if name else shared, layer)
    drawn = describe(bound, job.plan.lengths(job.schedule.length)[-1])
    write_atomically(folder / NAME, json.dumps(dict(drawn, encoding=job.encoding_name)))


def describe(encoding: base.PositionEncoding, longest: int) -> dict:
    """The picture that fits the hooks an encoding has, up to `longest` positions: plain lists of numbers.

    Position vectors: their cosine similarity. Biases: by head and distance. Rotations: the mean score of a random
    query with an equal key, by distance, relative to distance 0. Position terms of queries (relative keys): their
    root mean square over random queries, because their mean is nothing.
    """

    # Every distance as far as a page can hold them: a rotation sampled too rarely shows waves that are not there.
    distance_N = np.unique(np.linspace(0, longest - 1, min(longest, 2048)).astype(int))
    if encoding.has('embed'):
        return _similarity(encoding, longest)
    if encoding.has('bias'):
        query = jnp.asarray([[longest - 1]], jnp.int32)
        keys = jnp.asarray(longest - 1 - distance_N, jnp.int32)[None]
        bias_HN = np.asarray(encoding.bias(_lifted(encoding, query), _lifted(encoding, keys)))[0, :, 0]
        title = 'Bias by distance, one line a head'
        return dict(kind='bias', title=title, distances=distance_N.tolist(), heads=_plain(bias_HN, 5))
    if encoding.has('aux') or encoding.has('product') or encoding.needs_causal:
        return dict(kind='none', title='Depends on the content of the tokens: nothing to draw without them')
    if encoding.has('score') or encoding.has('rotate'):
        return _scores(encoding, distance_N, longest)
    return dict(kind='none', title='No encoding: nothing to draw')


def _similarity(encoding, longest: int) -> dict:
    position_N = np.unique(np.linspace(0, longest - 1, 128).astype(int))
    zeros = jnp.zeros((1, len(position_N), encoding.width))
    pos_BN = _lifted(encoding, jnp.asarray(position_N, jnp.int32)[None])
    vectors_ND = np.asarray(encoding.embed(zeros, pos_BN))[0]
    # Past the end of a table there is nothing to draw, and JSON has no NaN.
    real_N = np.isfinite(vectors_ND).all(axis=1)
    position_N, vectors_ND = position_N[real_N], vectors_ND[real_N]
    unit_ND = vectors_ND / np.linalg.norm(vectors_ND, axis=1, keepdims=True)
    matrix = _plain(unit_ND @ unit_ND.T, 4)
    title = 'Cosine similarity of position vectors'
    return dict(kind='similarity', title=title, positions=position_N.tolist(), matrix=matrix)


def _scores(encoding, distance_N, longest: int) -> dict:
    """Logits of 256 random queries against keys at these distances."""
    shape = (256, 1, encoding.heads, encoding.head_width)
    q_BLHK = jax.random.normal(jax.random.key(0), shape)

    pos_q = _lifted(encoding, jnp.full((1, 1), longest - 1))
    pos_k = _lifted(encoding, jnp.asarray(longest - 1 - distance_N, jnp.int32)[None])

    def of_some(q_BLHK, key_BLHK):
        keys_BMHK = jnp.broadcast_to(key_BLHK, (len(q_BLHK), len(distance_N), *shape[2:]))
        q = encoding.rotate(q_BLHK, pos_q, 'query') * shape[-1] ** -0.5
        k = encoding.rotate(keys_BMHK, pos_k, 'key')
        logits_BHLM = jnp.einsum('BLHK,BMHK->BHLM', q, k)
        logits_BHLM, _ = encoding.score(logits_BHLM, base.Block(q, k, pos_q, pos_k), None)
        return np.asarray(logits_BHLM)[:, :, 0]

    def logits_BHN(key_BLHK):
        # A few at a time: rotated keys may be wider than keys, and all at once could need more memory than training.
        parts = range(0, shape[0], 8)
        return np.concatenate([of_some(q_BLHK[at : at + 8], key_BLHK[at : at + 8]) for at in parts])

    of_nothing = logits_BHN(jnp.zeros_like(q_BLHK))
    if np.abs(of_nothing).max() > 1e-6:
        curves = {f'head {head}': np.sqrt((of_nothing[:, head] ** 2).mean(axis=0)) for head in range(shape[2])}
        title = 'Position term of the logits by distance, root mean square over random queries'
    else:
        equal = logits_BHN(q_BLHK).mean(axis=(0, 1))
        curves = {'equal key': equal / equal[0]}
        title = 'Mean score of a query with an equal key by distance, relative to distance 0'
    curves = {name: _plain(values, 5) for name, values in curves.items()}
    return dict(kind='score', title=title, distances=distance_N.tolist(), curves=curves)


def _lifted(encoding, pos_BL):
    """The same number in every coordinate."""
    return pos_BL if encoding.axes == 1 else jnp.stack([pos_BL] * encoding.axes, axis=-1)


def _plain(values: np.ndarray, digits: int) -> list:
    """Nested lists of rounded numbers; a float32 would be written with all the digits of its float64."""
    return np.round(np.asarray(values, np.float64), digits).tolist()
