"""How an encoding works, told from its hooks and claims: its group in the atlas."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from posbench.atlas import probing
from posbench.encodings import base

GROUPS = ('nothing', 'absolute', 'rotation', 'bias', 'relative', 'content', 'plan')

# The positions of the queries that encodings are probed with.
AT = (1, 2, 5, 17, 80)
QUERIES = len(AT)


def group(encoding: base.PositionEncoding) -> str:
    """One of GROUPS, of an encoding with its dimensions and parameters bound.

    What an encoding around another one only hands on does not count: a wrapper that adds no hook is a plan.

    plan: has parts and no hook that they have not, or only scales queries and keys
    content: needs causal attention, sees neighbours of a key, has an `aux` that tokens decide, or a `score` that is
        more than a sum
    relative: adds a term to the logits in `score`, or to the output in `value`, or its keys carry position vectors, so
        that they are more than twice as wide (a rotation needs at most two channels for one)
    rotation: has another `rotate`, whatever `product` does with it
    bias, absolute: has `bias`, or `embed` or `enter`, the first of these
    nothing: has no hook but perhaps `sink`
    """
    parts = list(encoding.parts().values())
    own = {hook for hook in base.HOOKS if encoding.has(hook) and not any(part.has(hook) for part in parts)}
    # Attending to nothing is no place.
    own.discard('sink')
    if not own:
        return 'plan' if parts else 'nothing'
    if _decided_by_content(encoding, own, parts):
        return 'content'
    if own & {'score', 'value'}:
        return 'relative'
    if own & {'rotate', 'product'}:
        return 'rotation' if 'product' in own else _kind_of_rotation(encoding)
    return 'bias' if 'bias' in own else 'absolute'


def claims(encoding: base.PositionEncoding) -> dict:
    """Every claim of the interface with its value, and whether layers have parameters of their own."""
    found = {name: getattr(encoding, name) for name in base.CLAIMS}
    return found | {'per_layer': encoding.owns_parameters(), 'period': encoding.period}


def hooks(encoding: base.PositionEncoding) -> list[str]:
    """The hooks that it or a part of it implements, in the order in which a layer calls them."""
    return [name for name, hook in base.HOOKS.items() if encoding.has(name) and not hook.for_others]


def _decided_by_content(encoding, own: set[str], parts: list) -> bool:
    if encoding.halo or (encoding.needs_causal and not any(part.needs_causal for part in parts)):
        return True
    if own & {'aux', 'accumulate'} and probing.reads_content(encoding):
        return True
    return 'score' in own and not _adds(encoding)


def _adds(encoding) -> bool:
    """Whether `score` adds the same to whatever the logits are."""

    @functools.partial(probing.compiled, encoding)
    def score(encoding, logits_BHLM):
        q_BLHK, pos_BL, aux = _query(encoding)
        block = base.Block(q_BLHK, q_BLHK, pos_BL, pos_BL, aux, aux)
        return encoding.score(logits_BHLM, block, encoding.first_carry(q_BLHK))[0]

    some_BHLM = np.random.default_rng(2).normal(size=(1, encoding.heads, QUERIES, QUERIES)).astype(np.float32)
    of_none, of_some = score(np.zeros_like(some_BHLM)), score(some_BHLM)
    return bool(np.allclose(of_some - some_BHLM, of_none, atol=1e-4))


def _kind_of_rotation(encoding) -> str:
    @functools.partial(probing.compiled, encoding)
    def rotated(encoding):
        q_BLHK, pos_BL, aux = _query(encoding)
        return q_BLHK, encoding.rotate(q_BLHK, pos_BL, 'query', aux)

    q_BLHK, turned_BLHK = jax.device_get(rotated())
    if turned_BLHK.shape[-1] != encoding.head_width:
        return 'relative' if turned_BLHK.shape[-1] > 2 * encoding.head_width else 'rotation'
    lengths = np.linalg.norm(q_BLHK, axis=-1) * np.linalg.norm(turned_BLHK, axis=-1)
    only_scales = np.allclose(np.abs((turned_BLHK * q_BLHK).sum(axis=-1)), lengths, rtol=1e-4)
    return 'plan' if only_scales else 'rotation'


def _query(encoding):
    """Random queries at five positions, and what `rotate` and `score` want to know of them."""
    pos_BL = probing.lifted(encoding, jnp.asarray([AT], jnp.int32))
    q_BLHK = jax.random.normal(jax.random.key(3), (1, QUERIES, encoding.heads, encoding.head_width))
    return q_BLHK, pos_BL, probing.aux_of(encoding, jnp.ones((1, QUERIES, encoding.width)), pos_BL)
