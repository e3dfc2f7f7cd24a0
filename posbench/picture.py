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
    encoding = model.encoding.clone(
        parent=None, width=model.width, heads=model.heads, head_width=model.width // model.heads
    )
    if not encoding.per_layer:
        own = params.get('position_encoding', {})
    elif model.scan_layers:
        own = jax.tree.map(lambda leaf: leaf[0], params['blocks']['position_encoding'])
    else:
        own = params['block_0']['position_encoding']
    drawn = describe(encoding.with_params(own), job.plan.lengths(job.schedule.length)[-1])
    write_atomically(folder / NAME, json.dumps(dict(drawn, encoding=job.encoding_name)))


def describe(encoding: base.PositionEncoding, longest: int) -> dict:
    """The picture that fits the hooks an encoding has, up to `longest` positions: plain lists of numbers.

    Position vectors: their cosine similarity. Biases: by head and distance. Rotations: the mean score of a random
    query with an equal key, by distance, relative to distance 0. Position terms of queries (relative keys): their
    root mean square over random queries, because their mean is nothing.
    """

    def has(hook: str) -> bool:
        return getattr(type(encoding), hook) is not getattr(base.PositionEncoding, hook)

    # Every distance as far as a page can hold them: a rotation sampled too rarely shows waves that are not there.
    distance_N = np.unique(np.linspace(0, longest - 1, min(longest, 2048)).astype(int))
    if has('embed'):
        return _similarity(encoding, longest)
    if has('bias'):
        query = jnp.asarray([[longest - 1]], jnp.int32)
        keys = jnp.asarray(longest - 1 - distance_N, jnp.int32)[None]
        bias_HN = np.asarray(encoding.bias(query, keys))[0, :, 0]
        title = 'Bias by distance, one line a head'
        return dict(kind='bias', title=title, distances=distance_N.tolist(), heads=_plain(bias_HN, 5))
    if has('score') or has('rotate'):
        return _scores(encoding, distance_N, longest)
    return dict(kind='none', title='No encoding: nothing to draw')


def _similarity(encoding, longest: int) -> dict:
    position_N = np.unique(np.linspace(0, longest - 1, 128).astype(int))
    zeros = jnp.zeros((1, len(position_N), encoding.width))
    vectors_ND = np.asarray(encoding.embed(zeros, jnp.asarray(position_N, jnp.int32)[None]))[0]
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

    pos_q, pos_k = jnp.full((1, 1), longest - 1), jnp.asarray(longest - 1 - distance_N, jnp.int32)[None]

    def of_some(q_BLHK, key_BLHK):
        keys_BMHK = jnp.broadcast_to(key_BLHK, (len(q_BLHK), len(distance_N), *shape[2:]))
        q = encoding.rotate(q_BLHK, pos_q, 'query') * shape[-1] ** -0.5
        k = encoding.rotate(keys_BMHK, pos_k, 'key')
        logits_BHLM = jnp.einsum('BLHK,BMHK->BHLM', q, k)
        return np.asarray(encoding.score(logits_BHLM, base.Block(q, k, pos_q, pos_k)))[:, :, 0]

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


def _plain(values: np.ndarray, digits: int) -> list:
    """Nested lists of rounded numbers; a float32 would be written with all the digits of its float64."""
    return np.round(np.asarray(values, np.float64), digits).tolist()
