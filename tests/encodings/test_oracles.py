"""Every encoding equals its oracle (tests/encodings/oracles), values and gradients, at 12 tokens and at 48."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import encodings
from posbench.encodings import base
from posbench.models import attention
from tests.encodings import oracles, small

# Channels of a head, heads, and the deviation of parameters, unless an oracle's file says WIDTH, HEADS or SPREAD.
HEAD_WIDTH, HEADS, SPREAD = 4, 2, 0.3
TOLERANCE = 1e-5
CASES = [
    pytest.param(name, options, id='-'.join([name, *map(str, options.values())]))
    for name in oracles.names()
    for options in oracles.settings(name)
]


def rng(seed=0):
    return np.random.default_rng(seed)


def pair(name, options):
    """The encoding of the first layer, and its random parameters."""
    file = oracles.module(name)
    heads = getattr(file, 'HEADS', HEADS)
    encoding = encodings.build(name, **options).sized(getattr(file, 'WIDTH', heads * HEAD_WIDTH), heads)
    shapes = jax.eval_shape(encoding.init_params, jax.random.key(0))
    spread = getattr(file, 'SPREAD', SPREAD)
    params = jax.tree.map(lambda leaf: jnp.asarray(spread * rng(5).normal(size=leaf.shape), jnp.float32), dict(shapes))
    return encoding, params


def in_float64(params):
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)


def draw(*shape, seed):
    return rng(seed).normal(size=shape).astype(np.float32)


def gaps(length, seed):
    """Rising positions with gaps, different in both rows."""
    rows = [np.sort(rng(seed + row).choice(5 * length, length, replace=False)) for row in range(2)]
    return np.array(rows, np.int32)


def positions(length):
    """Name -> (positions of queries, positions of keys)."""
    sequence, ahead = np.tile(np.arange(length, dtype=np.int32), (2, 1)), np.array([[0], [3]], np.int32)
    return {
        'sequential': (sequence, sequence),
        'with gaps': (gaps(length, 1), gaps(length, 1)),
        'queries at an offset of 7': (sequence + 7, sequence),
        'queries before all keys': (sequence, sequence + 20),
        'queries far behind all keys': (gaps(length, 3) + 100, sequence),
        'in falling order': (sequence[:, ::-1], sequence[:, ::-1]),
        # By as much in both rows, but not in the same direction.
        'queries ahead in one row and keys in the other': (sequence + ahead, sequence + ahead[::-1]),
    }


def test_every_encoding_has_an_oracle():
    assert oracles.names() == encodings.names()


@pytest.mark.parametrize('name', oracles.names())
def test_every_option_is_compared_at_two_values(name):
    fields = encodings.build(name).__dataclass_fields__
    own = {field for field in fields if field not in base.PositionEncoding.__dataclass_fields__}
    # What initial values are, and what happens outside of a table, is tested elsewhere.
    compared = {option for options in oracles.settings(name) for option in options}
    assert own - getattr(oracles.module(name), 'UNCOMPARED', set()) == compared


@functools.partial(jax.jit, static_argnums=0)
def logits(encoding, params, q_BLHK, k_BMHK, pos_q_BL, pos_k_BM):
    """What the hooks make of queries and keys, in the order that attention calls them."""
    bound = encoding.with_params(params)
    nothing_BLD = jnp.zeros((*pos_q_BL.shape[:2], encoding.width))
    order = attention.sequence_order(pos_q_BL.shape[1])
    aux_q, aux_k = (bound.accumulate(bound.aux(nothing_BLD, pos), pos, order) for pos in (pos_q_BL, pos_k_BM))
    q = bound.rotate(q_BLHK, pos_q_BL, 'query', aux_q) * q_BLHK.shape[-1] ** -0.5
    k = bound.rotate(k_BMHK, pos_k_BM, 'key', aux_k)
    block = base.Block(q, k, pos_q_BL, pos_k_BM, aux_q, aux_k)
    logits_BHLM, carry = bound.product(block, bound.first_carry(q))
    bias_BHLM = bound.bias(pos_q_BL, pos_k_BM)
    logits_BHLM = logits_BHLM if bias_BHLM is None else logits_BHLM + bias_BHLM
    return bound.score(logits_BHLM, block, carry)[0]


def _first_layer(encoding, params):
    part, name = encoding.at(0)
    return part.with_params(params.get(name, {}) if name else params)


@functools.partial(jax.jit, static_argnums=(0, 4))
def layer(encoding, params, x_BLD, pos_BL, block_size=None):
    """Input layer and one causal attention of the token vectors themselves."""
    order = attention.sequence_order(x_BLD.shape[1])
    x_BLD = encoding.with_params(params).embed(x_BLD, pos_BL)
    bound = _first_layer(encoding, params)
    x_BLD = bound.enter(x_BLD, x_BLD, pos_BL, order, order, jnp.int32(0))
    x_BLHK = x_BLD.reshape(*x_BLD.shape[:2], encoding.heads, -1)
    return small.attended(bound, x_BLHK, x_BLHK, x_BLHK, x_BLD, pos_BL, block_size=block_size)


def wanted_layer(encoding, params, x_BLD, pos_BL):
    """The same by the oracle, float64 [B, L, H, K]."""
    oracle = oracles.of(encoding, params)
    rows = zip(x_BLD.astype(np.float64), pos_BL)
    return np.stack([oracles.causal_layer(oracle, x_LD, pos_L, encoding.heads) for x_LD, pos_L in rows])


def wanted_embedding(encoding, params, x_BLD, pos_BL):
    """float64 [B, L, D]."""
    oracle = oracles.of(encoding, params)
    return np.stack([oracle.embed(x_LD, pos_L) for x_LD, pos_L in zip(x_BLD.astype(np.float64), pos_BL)])


def wanted_logits(encoding, params, q_LHK, k_MHK, pos_q_L, pos_k_M):
    """Of one row in which every query sees every key, float64 [H, L, M]."""
    everything_LM = np.ones((len(q_LHK), len(k_MHK)), bool)
    x_LD = np.zeros((len(q_LHK), encoding.width))
    q_LHK, k_MHK = q_LHK.astype(np.float64), k_MHK.astype(np.float64)
    sequence = oracles.Sequence(x_LD, q_LHK, k_MHK, k_MHK, pos_q_L, pos_k_M, everything_LM)
    return oracles.of(encoding, params).logits(sequence)


def logit_errors(name, options, length) -> dict[str, float]:
    """Largest error of the logits of queries and keys at places of their own, where positions alone count."""
    encoding, params = pair(name, options)
    part, inner = encoding.at(0)
    if encoding.reads_order or encoding.depends_on_length or encoding.has('aux') or encoding.has('enter'):
        return {}
    part_params, errors = params.get(inner, {}) if inner else params, {}
    q, k = (draw(2, length, encoding.heads, encoding.head_width, seed=seed) for seed in (1, 2))
    for case, (pos_q, pos_k) in positions(length).items():
        if length == 48 and case not in ('sequential', 'with gaps'):
            continue
        pos_q, pos_k = small.lift(encoding, pos_q), small.lift(encoding, pos_k)
        got = logits(part, part_params, q, k, pos_q, pos_k)
        for row in range(2 if length == 12 else 1):
            wanted = wanted_logits(encoding, params, q[row], k[row], pos_q[row], pos_k[row])
            errors[f'{case}, row {row}'] = _error(got[row], wanted)
    return errors


def layer_errors(name, options, length) -> dict[str, float]:
    """Largest error of the embedded tokens, and of one attention layer, all keys at once and in three blocks.

    Positions have gaps; in the blocks of few tokens they rise by one.
    """
    encoding, params = pair(name, options)
    x, pos = draw(2, length, encoding.width, seed=3), small.lift(encoding, gaps(length, 4))
    got = encoding.with_params(params).embed(x, pos)
    errors = {'embedded': _error(got, wanted_embedding(encoding, params, x, pos))}
    rows = slice(None) if length == 12 else slice(0, 1)
    wanted = wanted_layer(encoding, params, x[rows], pos[rows])
    errors['attended'] = _error(layer(encoding, params, x, pos)[rows], wanted)
    if length == 12:
        pos = small.lift(encoding, positions(length)['sequential'][0] + np.array([[0], [5]], np.int32))
        wanted = wanted_layer(encoding, params, x, pos)
    errors['attended in three blocks'] = _error(layer(encoding, params, x, pos, length // 3)[rows], wanted)
    return errors


def _error(got, wanted) -> float:
    """Infinite where something is not finite."""
    difference = np.abs(np.asarray(got, np.float64) - np.asarray(wanted))
    return float(difference.max()) if np.isfinite(difference).all() else float('inf')


def gradient_errors(name, options, length) -> dict[str, float]:
    """Each parameter at up to 12 places, all together and the tokens along one direction; central, in float64.

    Positions have gaps; for all parameters together at 48 tokens they also rise by one, where tables by distance count.
    Along a direction the error is divided by the size of the terms that are summed there, if that is above 1/10.
    """
    encoding, params = pair(name, options)
    x = draw(1, length, encoding.width, seed=3)
    pos = np.sort(rng(6).choice(3 * length, (1, length), replace=False), axis=1).astype(np.int32)
    pos, sequence = small.lift(encoding, pos), small.lift(encoding, positions(length)['sequential'][0][:1])
    heard = draw(1, length, encoding.heads, encoding.head_width, seed=7)

    @jax.jit
    def gradient(params, x, pos):
        return jax.grad(lambda *inputs: jnp.vdot(heard, layer(encoding, *inputs, pos)), argnums=(0, 1))(params, x)

    # A larger step crosses the kink of a ReLU more often; sums in float64 are good for one of this size.
    def slope(along_params, along_x, pos, h=1e-6):
        def at(step):
            moved = jax.tree.map(lambda p, d: p + step * d, wide, along_params)
            wanted = wanted_layer(encoding, moved, x.astype(np.float64) + step * along_x, pos)
            return float(np.vdot(heard.astype(np.float64), wanted))

        return (at(h) - at(-h)) / (2 * h)

    wide, errors = in_float64(params), {}
    leaves, tree = jax.tree.flatten(wide)
    # Those of parameters, and the one of the tokens after them.
    got_leaves, still = jax.tree.leaves(gradient(params, x, pos)), [np.zeros_like(leaf) for leaf in leaves]
    for number, leaf in enumerate(leaves if length == 12 else []):
        places = list(np.ndindex(leaf.shape))
        for place in [places[at] for at in rng(9).permutation(len(places))[:12]]:
            along = [other.copy() for other in still]
            along[number][place] = 1.0
            wanted = slope(jax.tree.unflatten(tree, along), np.zeros_like(x, np.float64), pos)
            errors[f'parameter {number} at {place}'] = abs(got_leaves[number][place] - wanted)
    along_x = draw(*x.shape, seed=8).astype(np.float64)
    along_params = jax.tree.unflatten(tree, [rng(10).normal(size=leaf.shape) for leaf in leaves])
    nowhere, no_x = jax.tree.unflatten(tree, still), np.zeros_like(along_x)
    cases = [('tokens', nowhere, along_x, pos, got_leaves), ('parameters', along_params, no_x, pos, got_leaves)]
    if leaves and length == 48:
        in_sequence = jax.tree.leaves(gradient(params, x, sequence))
        cases.append(('parameters in sequence', along_params, no_x, sequence, in_sequence))
    for case, along, direction, at, got_of_all in cases:
        pairs = list(zip(got_of_all, [*jax.tree.leaves(along), direction]))
        got = sum(float(np.vdot(np.asarray(g, np.float64), d)) for g, d in pairs)
        # A float32 gradient of so many terms; one wrong sign among them would be off by the size of the terms.
        terms = sum(float((np.asarray(g, np.float64) ** 2 * d**2).sum()) for g, d in pairs) ** 0.5
        errors[f'{case} along a direction'] = abs(got - slope(along, direction, at)) / max(1.0, 10 * terms)
    return errors


@pytest.mark.parametrize('name, options', CASES)
@pytest.mark.parametrize('length', [12, 48])
@pytest.mark.parametrize('errors', [logit_errors, layer_errors, gradient_errors], ids=lambda f: f.__name__)
def test_the_encoding_equals_its_oracle(errors, length, name, options):
    assert {case: error for case, error in errors(name, options, length).items() if not error <= TOLERANCE} == {}
