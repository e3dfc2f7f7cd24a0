"""Every encoding equals its oracle (tests/encodings/oracles), values and gradients, at 12 tokens and at 48.

The oracle is asked about more of the 12 tokens than it could be about 48. What the encoding says of them is taken from
a program of 48, the first of which they are: each setting has three programs to compile, and not one for each case.
"""

import functools
from collections.abc import Iterator

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
SHORT, LONG = 12, 48
TOLERANCE = 1e-5
# Where a float32 position times a float32 frequency is an angle that is off by a tenth of a radian.
FAR = 1_000_003


def settings(name: str, length: int, everything: bool = True) -> list[dict]:
    """The options that an encoding is compared with; by default, of many tokens, the first of them alone."""
    found = oracles.settings(name)
    return found if everything or length == SHORT else found[:1]


CASES = [
    pytest.param(
        length,
        name,
        options,
        id='-'.join([str(length), name, *map(str, options.values())]),
        marks=[] if options in settings(name, length, everything=False) else pytest.mark.everything,
    )
    for length in (SHORT, LONG)
    for name in oracles.names()
    for options in settings(name, length)
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
    params = jax.tree.map(lambda leaf: (spread * rng(5).normal(size=leaf.shape)).astype(np.float32), dict(shapes))
    return encoding, jax.device_put(params)


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
    compared = {option for options in oracles.settings(name) for option in options}
    # What initial values are, and what happens outside of a table, is tested elsewhere.
    assert own - oracles.uncompared(name) <= compared <= own


def answers(name, options) -> Iterator[np.ndarray]:
    """What the oracle says, of few tokens first."""
    encoding, params = pair(name, options)
    yield from small.by_path(params).values()
    for length in (SHORT, LONG):
        x = draw(2, LONG, encoding.width, seed=3)[:1, :length]
        for pos in (gaps(length, 4)[:1], positions(length)['sequential'][0][:1]):
            pos = small.lift(encoding, pos)
            yield wanted_embedding(encoding, params, x, pos)
            yield wanted_layer(encoding, params, x, pos)
        q, k = (draw(2, LONG, encoding.heads, encoding.head_width, seed=seed)[0, :length] for seed in (1, 2))
        for case in cases_of_logits(encoding, length).values():
            yield wanted_logits(encoding, params, q, k, *(small.lift(encoding, pos)[0] for pos in case))


def is_heard(name, options, option) -> bool:
    """Whether the oracle says something else, or nothing, without an option."""
    without = {other: value for other, value in options.items() if other != option}
    try:
        pairs = zip(answers(name, options), answers(name, without))
        return any(a.shape != b.shape or not np.abs(a - b).max(initial=0.0) <= 10 * TOLERANCE for a, b in pairs)
    except (ValueError, IndexError):
        return True


@pytest.mark.parametrize('name', oracles.names())
def test_every_compared_option_is_heard(name):
    """An encoding that ignored one would not equal its oracle: of a setting without it that says something else.

    So the default tier asks the option itself only where no oracle hears it (test_options.py).
    """
    settings = oracles.settings(name)
    for option in {option for options in settings for option in options} - oracles.uncompared(name):
        assert any(is_heard(name, options, option) for options in settings if option in options), option


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


def _layer(encoding, params, x_BLD, pos_BL, block_size=None):
    """What the input layer gives, and one causal attention of the token vectors themselves."""
    order = attention.sequence_order(x_BLD.shape[1])
    embedded_BLD = encoding.with_params(params).embed(x_BLD, pos_BL)
    bound = _first_layer(encoding, params)
    x_BLD = bound.enter(embedded_BLD, embedded_BLD, pos_BL, order, order, jnp.int32(0))
    x_BLHK = x_BLD.reshape(*x_BLD.shape[:2], encoding.heads, -1)
    return embedded_BLD, small.attended(bound, x_BLHK, x_BLHK, x_BLHK, x_BLD, pos_BL, block_size=block_size)


layer = jax.jit(_layer, static_argnums=(0, 4))


@functools.partial(jax.jit, static_argnums=0)
def layer_and_gradient(encoding, params, x_BLD, pos_BL, heard_BLHK):
    """A layer, and the gradient of what is heard of its attention by parameters and tokens."""

    def heard(params, x_BLD):
        embedded_BLD, attended_BLHK = _layer(encoding, params, x_BLD, pos_BL)
        return jnp.vdot(heard_BLHK, attended_BLHK), (embedded_BLD, attended_BLHK)

    gradient, of_layer = jax.grad(heard, argnums=(0, 1), has_aux=True)(params, x_BLD)
    return of_layer, gradient


def _length(encoding, length: int) -> int:
    """Of the program that a number of tokens are the first ones of."""
    return length if encoding.depends_on_length else LONG


def _more(pos_BL, length: int):
    """Positions of as many tokens; those that are added rise by one."""
    more = np.arange(1, 1 + length - pos_BL.shape[1], dtype=np.int32)
    return np.concatenate([pos_BL, pos_BL[:, -1:] + more], axis=1)


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


def cases_of_logits(encoding, length) -> dict[str, tuple]:
    """Positions of queries and keys, few of them for many tokens, and none where more than positions counts."""
    if encoding.reads_order or encoding.depends_on_length or encoding.has('aux') or encoding.has('enter'):
        return {}
    return {
        case: at for case, at in positions(length).items() if length == SHORT or case in ('sequential', 'with gaps')
    }


def logit_errors(name, options, length) -> dict[str, float]:
    """Largest error of the logits of queries and keys at places of their own, where positions alone count."""
    encoding, params = pair(name, options)
    part, inner = encoding.at(0)
    part_params, errors = params.get(inner, {}) if inner else params, {}
    q, k = (draw(2, LONG, encoding.heads, encoding.head_width, seed=seed) for seed in (1, 2))
    for case, (pos_q, pos_k) in cases_of_logits(encoding, length).items():
        pos_q, pos_k = (small.lift(encoding, _more(pos, LONG)) for pos in (pos_q, pos_k))
        got = np.asarray(logits(part, part_params, q, k, pos_q, pos_k))[:, :, :length, :length]
        for row in range(2 if length == SHORT else 1):
            asked = [array[row, :length] for array in (q, k, pos_q, pos_k)]
            errors[f'{case}, row {row}'] = _error(got[row], wanted_logits(encoding, params, *asked))
    return errors


def layer_errors(name, options, length) -> dict[str, float]:
    """Largest error of the embedded tokens, and of one attention layer, all keys at once and in three blocks.

    Positions have gaps; in the blocks they rise by one as well. Of many tokens one row is compared, and few are asked
    for a million tokens on as well.
    """
    encoding, params = pair(name, options)
    whole = _length(encoding, length)
    x, pos = draw(2, whole, encoding.width, seed=3), small.lift(encoding, _more(gaps(length, 4), whole))
    sequence = _more(positions(length)['sequential'][0] + np.array([[0], [5]], np.int32), whole)
    sequence = small.lift(encoding, sequence)
    nothing = np.zeros((2, whole, encoding.heads, encoding.head_width), np.float32)
    (embedded, attended), _ = jax.device_get(layer_and_gradient(encoding, params, x, pos, nothing))
    rows = slice(None) if length == SHORT else slice(0, 1)

    def asked(array):
        return array[rows, :length]

    errors = {'embedded': _error(embedded[:, :length], wanted_embedding(encoding, params, x[:, :length], pos))}
    wanted = wanted_layer(encoding, params, asked(x), asked(pos))
    errors['attended'] = _error(asked(attended), wanted)
    blocks = {'with gaps': (pos, wanted)}
    blocks['in sequence'] = sequence, wanted_layer(encoding, params, asked(x), asked(sequence))
    for case, (at, wanted) in blocks.items():
        _, attended = jax.device_get(layer(encoding, params, x, at, whole // 3))
        errors[f'attended in three blocks, {case}'] = _error(asked(attended), wanted)
    if length == SHORT and is_known_far_out(encoding):
        at = pos + np.int32(FAR)
        embedded, attended = jax.device_get(layer(encoding, params, x, at, whole // 3))
        errors['embedded, far out'] = _error(asked(embedded), wanted_embedding(encoding, params, asked(x), asked(at)))
        errors['attended, far out'] = _error(asked(attended), wanted_layer(encoding, params, asked(x), asked(at)))
    return errors


def is_known_far_out(encoding) -> bool:
    """Whether its positions go on without an end, and float32 is good for what it makes of them."""
    file = oracles.module(type(encoding).__module__.rpartition('.')[2])
    own = getattr(file, 'FAR', True) and not hasattr(encoding, 'max_length')
    return own and all(map(is_known_far_out, encoding.parts().values()))


def _error(got, wanted) -> float:
    """Infinite where something is not finite."""
    difference = np.abs(np.asarray(got, np.float64) - np.asarray(wanted))
    return float(difference.max()) if np.isfinite(difference).all() else float('inf')


def gradient_errors(name, options, length) -> dict[str, float]:
    """Each parameter at up to 12 places, all of them and the tokens along one direction; central, in float64.

    At 48 tokens, which take an oracle long, parameters and tokens move together. Positions have gaps; there they also
    rise by one, where tables by distance count. Along a direction the error is divided by the size of the terms that
    are summed there, if that is above 1/10.
    """
    encoding, params = pair(name, options)
    whole = _length(encoding, length)
    pos = np.sort(rng(6).choice(3 * length, (1, length), replace=False), axis=1).astype(np.int32)
    sequence = positions(length)['sequential'][0][:1]
    # A second row, of which nothing is heard, as nothing is of the tokens after these.
    x, heard = draw(2, whole, encoding.width, seed=3), np.zeros((2, whole, encoding.heads, encoding.head_width))
    heard[:1, :length] = draw(1, length, encoding.heads, encoding.head_width, seed=7)
    pos, sequence = (small.lift(encoding, _more(at, whole).repeat(2, axis=0)) for at in (pos, sequence))

    def gradient(at):
        found = layer_and_gradient(encoding, params, x, at, heard.astype(np.float32))
        _, (of_params, of_x) = jax.device_get(found)
        assert not of_x[1].any() and not of_x[0, length:].any(), 'tokens that nothing is heard of'
        return [*jax.tree.leaves(of_params), of_x[:1, :length]]

    # A larger step crosses the kink of a ReLU more often; sums in float64 are good for one of this size.
    def slope(along_params, along_x, pos, h=1e-6):
        def at(step):
            moved = jax.tree.map(lambda p, d: p + step * d, wide, along_params)
            moved_x = x[:1, :length].astype(np.float64) + step * along_x
            wanted = wanted_layer(encoding, moved, moved_x, pos[:1, :length])
            return float(np.vdot(heard[:1, :length], wanted))

        return (at(h) - at(-h)) / (2 * h)

    wide, errors = in_float64(params), {}
    leaves, tree = jax.tree.flatten(wide)
    # Those of parameters, and the one of the tokens after them.
    got_leaves, still = gradient(pos), [np.zeros_like(leaf) for leaf in leaves]
    along_x = draw(1, length, encoding.width, seed=8).astype(np.float64)
    no_x = np.zeros_like(along_x)
    for number, leaf in enumerate(leaves if length == SHORT else []):
        places = list(np.ndindex(leaf.shape))
        for place in [places[at] for at in rng(9).permutation(len(places))[:12]]:
            along = [other.copy() for other in still]
            along[number][place] = 1.0
            wanted = slope(jax.tree.unflatten(tree, along), no_x, pos)
            errors[f'parameter {number} at {place}'] = abs(got_leaves[number][place] - wanted)
    along_params = jax.tree.unflatten(tree, [rng(10).normal(size=leaf.shape) for leaf in leaves])
    nowhere = jax.tree.unflatten(tree, still)
    cases = [('tokens', nowhere, along_x, pos, got_leaves), ('parameters', along_params, no_x, pos, got_leaves)]
    if length == LONG:
        cases = [('tokens and parameters', along_params, along_x, pos, got_leaves)]
        if leaves:
            cases.append(('parameters in sequence', along_params, no_x, sequence, gradient(sequence)))
    for case, along, direction, at, got_of_all in cases:
        pairs = list(zip(got_of_all, [*jax.tree.leaves(along), direction]))
        got = sum(float(np.vdot(np.asarray(g, np.float64), d)) for g, d in pairs)
        # A float32 gradient of so many terms; one wrong sign among them would be off by the size of the terms.
        terms = sum(float((np.asarray(g, np.float64) ** 2 * d**2).sum()) for g, d in pairs) ** 0.5
        errors[f'{case} along a direction'] = abs(got - slope(along, direction, at)) / max(1.0, 10 * terms)
    return errors


@pytest.mark.parametrize('length, name, options', CASES)
@pytest.mark.parametrize('errors', [logit_errors, layer_errors, gradient_errors], ids=lambda f: f.__name__)
def test_the_encoding_equals_its_oracle(errors, length, name, options):
    assert {case: error for case, error in errors(name, options, length).items() if not error <= TOLERANCE} == {}
