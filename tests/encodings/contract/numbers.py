"""What the hooks give, number by number: without a compiler, in bfloat16, and the same every time."""

import re

import jax
import jax.numpy as jnp
import numpy as np

from posbench.encodings import base
from posbench.models import attention
from tests.encodings import small
from tests.encodings.compare import BFLOAT16, DIFFERENT, SAME, different, same
from tests.encodings.contract.checks import check

# Neighbours that are one number in bfloat16 are among these.
FAR = np.array([0, 255, 256, 257, 259, 511, 517, 771, 1001], np.int32)
# Of functions, in the text of a program.
ADDRESS = re.compile('0x[0-9a-f]+')


@check
def bfloat16_activations_stay_close_to_float32(encoding):
    model, tokens, pos = small.model(encoding), small.tokens(), small.positions()
    exact = small.logits(model, tokens, pos)
    rough = small.logits(small.model(encoding, dtype=jnp.bfloat16), tokens, pos)
    assert rough.dtype == np.float32, f'logits are {rough.dtype}, wanted float32'
    error = np.sqrt(np.mean((rough - exact) ** 2) / np.mean(exact**2))
    assert error < BFLOAT16, f'bfloat16 activations: relative error {error:.4f} of the logits, wanted < {BFLOAT16}'


def _hooks(encoding, dtype, pos_L=FAR):
    """Everything an encoding computes of one sequence, by the name of what it is."""
    encoding = encoding.sized(32, 4).at(0)[0]
    shapes = jax.eval_shape(encoding.init_params, jax.random.key(0))
    own = {'position_encoding': shapes}
    own = jax.tree_util.tree_map_with_path(small._random_leaf, own)['position_encoding']
    bound, pos = encoding.with_params(own), jnp.asarray(small.lift(encoding, pos_L[None]))
    length = len(pos_L)
    # Exact in bfloat16, and no two tokens alike.
    x_BLD = (jnp.arange(length * 32).reshape(1, length, 32) % 13 / 8 - 0.75).astype(dtype)
    x_BLHK = jnp.tile(jnp.asarray([1.0, -0.5, 0.25, 2.0], dtype), (1, length, 4, 2))
    order = attention.sequence_order(length)
    entered = bound.enter(x_BLD, x_BLD, pos, order, order, jnp.int32(0))
    aux = bound.accumulate(bound.aux(x_BLD, pos), pos, order)
    query, key = bound.rotate(x_BLHK, pos, 'query', aux), bound.rotate(x_BLHK, pos, 'key', aux)
    outputs = dict(embed=bound.embed(x_BLD, pos), enter=entered, query=query, key=key, bias=bound.bias(pos, pos))
    if not encoding.halo:
        allowed = jnp.tril(jnp.ones((1, length, length), bool))
        block = base.Block(query, key, pos, pos, aux, aux, allowed)
        logits, carry = bound.product(block, bound.first_carry(query))
        outputs['score'] = jnp.where(allowed, bound.score(logits, block, carry)[0], 0.0)
    return {name: value for name, value in outputs.items() if value is not None}


_compiled_hooks = jax.jit(_hooks, static_argnums=(0, 1))


@check
def compiling_changes_nothing(encoding):
    """What the hooks give; that it is so of the model around them is asked of one encoding (tests/models)."""
    eager, compiled = _hooks(encoding, jnp.float32), _compiled_hooks(encoding, jnp.float32)
    assert set(eager) == set(compiled), 'without jit other hooks give something'
    for name, value in eager.items():
        same(value, compiled[name], f'{name} without jit', SAME * max(1.0, np.abs(value).max()))


@check
def bfloat16_tells_positions_past_256_apart(encoding):
    """bfloat16(257) == 256: an encoding that computes with such positions is off by a whole step."""
    exact, rough = (_compiled_hooks(encoding, dtype) for dtype in (jnp.float32, jnp.bfloat16))
    for name, wanted in exact.items():
        same(rough[name], wanted, f'{name} of bfloat16 activations', 2**-6 * max(1.0, np.abs(wanted).max()))
    model = small.model(encoding, dtype=jnp.bfloat16)
    # A gap of one before the last token, with positions where bfloat16 only counts in twos.
    pos = small.positions() + 256
    gap = pos + (np.arange(small.LENGTH) == small.LENGTH - 1)
    moved = np.abs(small.logits(model, small.tokens(), gap) - small.logits(model, small.tokens(), pos)).max()
    assert (moved > DIFFERENT) if encoding.reads_positions else (moved == 0), f'moved by {moved}'


@check
def hooks_keep_the_type_of_the_activations(encoding):
    """What is written back to activations has their type, and terms of logits are float32 whatever they are."""
    for dtype in (jnp.float32, jnp.bfloat16):
        for name, value in jax.eval_shape(lambda dtype=dtype: _hooks(encoding, dtype)).items():
            wanted = jnp.float32 if name in ('bias', 'score') else dtype
            assert value.dtype == wanted, f'{name} of {dtype.__name__} is {value.dtype}, wanted {wanted.__name__}'


@check
def reading_twice_gives_the_same_bits(encoding):
    """Nothing is drawn at evaluation, neither in a program nor while it is traced."""
    once, again = (_compiled_hooks(encoding, jnp.float32) for _ in range(2))
    # Drawn while it is traced, a number is the same in each call of a program.
    traced = [jax.make_jaxpr(lambda: _hooks(encoding, jnp.float32))() for _ in range(2)]
    for name, value in once.items():
        same(again[name], value, f'{name}, computed twice', 0)
    for one, other in zip(*(program.consts for program in traced)):
        same(other, one, 'a constant of the hooks, traced twice', 0, ())
    first, second = (ADDRESS.sub('', str(program.jaxpr)) for program in traced)
    assert first == second, 'the hooks, traced twice, are two programs: a number was drawn meanwhile'


@check
def embed_adds_a_vector_of_the_position_unless_claimed_otherwise(encoding):
    if not encoding.has('embed'):
        return
    encoding = encoding.sized(32, 4)
    shapes = {'position_encoding': jax.eval_shape(encoding.init_params, jax.random.key(0))}
    own = jax.tree_util.tree_map_with_path(small._random_leaf, shapes)['position_encoding']
    bound, pos = encoding.with_params(own), jnp.asarray(small.lift(encoding, FAR[None]))
    x_BLD = np.random.default_rng(0).normal(size=(1, len(FAR), 32)).astype(np.float32)
    added = np.asarray(bound.embed(jnp.zeros_like(x_BLD), pos))
    difference = np.asarray(bound.embed(jnp.asarray(x_BLD), pos)) - x_BLD
    if encoding.embed_adds:
        same(difference, added, 'claims embed_adds: what it adds to a vector', SAME * max(1.0, np.abs(added).max()))
    else:
        different(difference, added, 'does not claim embed_adds: what it adds to a vector')
