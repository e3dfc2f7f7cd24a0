"""The contract: what every encoding has to keep, as functions of an encoding. Call them on your own:

    from posbench import encodings
    from tests.encodings import contract

    for check in contract.CHECKS:
        check(encodings.build('mine', module='mine.py', strength=2.0))

Each builds a small model around the encoding, compares two ways to the same numbers, and raises AssertionError.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import encodings, positions
from posbench.encodings import base
from posbench.models import attention
from posbench.positions import documents
from tests import programs
from tests.encodings import small
from tests.encodings.compare import BFLOAT16, DIFFERENT, SAME, different, same, same_trees

SHIFT = 37
# Randomized positions that stay inside every learned table, and a jitter that is heard whatever the encoding is.
MAP_OPTIONS = {
    'randomized': dict(max_position=200),
    'randomized_distances': dict(max_position=200),
    'cape': dict(max_local_shift=4.0),
}

# Sequences that end here are read at once, where logits depend on the length of a sequence: each is compiled anew.
ENDS = (1, 8, 16, 17, 19, 21, 24)

# Neighbours that are one number in bfloat16 are among these.
FAR = np.array([0, 255, 256, 257, 259, 511, 517, 771, 1001], np.int32)

CHECKS = []
# As one program; each of its operations would be compiled for itself.
_packed = jax.jit(documents.packed)


def check(function):
    CHECKS.append(function)
    return function


def _model(encoding, **changes):
    """With as few layers as show all that the encoding does."""
    return small.model(encoding, layers=small.fewest_layers(encoding), **changes)


@check
def later_tokens_leave_earlier_logits_alone(encoding):
    model, tokens, pos = _model(encoding), small.tokens(), small.positions()
    changed = tokens.copy()
    changed[:, 9:] = (changed[:, 9:] + 1) % small.VOCABULARY
    before, after = small.logits(model, tokens, pos), small.logits(model, changed, pos)
    same(after[:, :9], before[:, :9], 'logits before a change')
    different(after[:, 9:], before[:, 9:], 'logits after a change')


@check
def a_longer_context_leaves_the_prefix_alone_unless_claimed_otherwise(encoding):
    if encoding.depends_on_length:
        # So that the longer of the two is past the length at which the spectrum changes.
        encoding = encoding.clone(parent=None, original_length=16)
    model, tokens, pos = _model(encoding), small.tokens(), small.positions()
    short = small.logits(model, tokens[:, :12], pos[:, :12])
    long = small.logits(model, tokens, pos)[:, :12]
    if encoding.depends_on_length:
        different(long, short, 'claims depends_on_length: logits of the first 12 of 24 tokens')
    else:
        same(long, short, 'logits of the first 12 of 24 tokens')


@check
def adding_one_number_to_all_positions_does_what_is_claimed(encoding):
    model, tokens, pos = _model(encoding), small.tokens(), small.positions()
    pos = small.lift(encoding, pos)
    before, after = small.logits(model, tokens, pos), small.logits(model, tokens, pos + SHIFT)
    if encoding.shift_invariant:
        same(after, before, f'claims shift_invariant: logits after a shift by {SHIFT}', 4 * SAME)
    else:
        different(after, before, f'does not claim shift_invariant: logits after a shift by {SHIFT}')


@check
def what_needs_causal_attention_is_refused_in_an_encoder(encoding):
    if not encoding.needs_causal:
        return
    with pytest.raises(ValueError, match='got an encoder, wanted a decoder'):
        small.params(small.model(encoding, name='encoder'))
    x = np.zeros((1, 3, 4, 8), np.float32)
    with pytest.raises(ValueError, match='causal=False'):
        pos = small.positions(1, 3)
        attention.attend(x, x, x, encoding=encoding, pos_q_BL=pos, pos_k_BM=pos, causal=False)


@check
def only_the_causal_mask_tells_order_where_claimed(encoding):
    if encoding.needs_causal:
        assert not encoding.causal_only and encoding.reads_order, 'claims needs_causal, and so reads_order'
        return
    model, tokens, pos = _model(encoding, name='encoder'), small.tokens(), small.positions()
    order = np.random.default_rng(3).permutation(small.LENGTH)
    moved = small.logits(model, tokens[:, order], pos)
    along = small.logits(model, tokens, pos)[:, order]
    if encoding.causal_only:
        same(moved, along, 'claims causal_only: an encoder told the order of its tokens')
    else:
        different(moved, along, 'does not claim causal_only: an encoder could not tell the order of its tokens')


@check
def where_an_encoder_stores_a_token_does_not_matter_unless_claimed_otherwise(encoding):
    if encoding.needs_causal:
        return
    model, tokens, pos = _model(encoding, name='encoder'), small.tokens(), small.positions()
    order = np.random.default_rng(3).permutation(small.LENGTH)
    stored = small.logits(model, tokens[:, order], pos[:, order])
    if encoding.reads_order:
        different(stored, small.logits(model, tokens, pos)[:, order], 'claims reads_order: stored in another order')
    else:
        same(stored, small.logits(model, tokens, pos)[:, order], 'tokens stored in another order')


@check
def padding_on_either_side_changes_nothing(encoding):
    model, tokens = _model(encoding), small.tokens()
    unpadded = small.logits(model, tokens[:, :12], small.positions(length=12))
    for side, real in (('left', slice(12, 24)), ('right', slice(0, 12))):
        padded, segments = small.tokens(seed=5), np.full(tokens.shape, -1, np.int32)
        padded[:, real], segments[:, real] = tokens[:, :12], 0
        pos = _packed(segments)
        same(small.logits(model, padded, pos, segments)[:, real], unpadded, f'{side} padding')


@check
def packed_documents_do_not_see_each_other(encoding):
    model, tokens = _model(encoding), small.tokens()
    segments = np.repeat(np.array([[0, 1, -1]], np.int32), (12, 10, 2), axis=1).repeat(small.BATCH, axis=0)
    packed = small.logits(model, tokens, _packed(segments), segments)
    alone = small.logits(model, tokens[:, :12], small.positions(length=12))
    same(packed[:, :12], alone, 'first document')
    second = small.logits(model, np.roll(tokens, -12, axis=1)[:, :12], small.positions(length=12))
    same(packed[:, 12:22], second[:, :10], 'second document')


@check
def a_row_depends_neither_on_batch_size_nor_on_batch_mates(encoding):
    model, tokens, pos = _model(encoding), small.tokens(), small.positions()
    # Rows of different positions, so that none can be taken for all.
    pos = pos * np.arange(1, 1 + small.BATCH, dtype=np.int32)[:, None]
    together = small.logits(model, tokens, pos)
    same(small.logits(model, tokens[2:3], pos[2:3]), together[2:3], 'a row alone')
    mates = np.where(np.arange(small.BATCH)[:, None] == 2, tokens, small.tokens(seed=7))
    same(small.logits(model, mates, np.where(mates == tokens, pos, pos[::-1]))[2], together[2], 'with other mates')


@check
def positions_shared_by_all_rows_may_be_given_once(encoding):
    model, tokens, pos = _model(encoding), small.tokens(), small.positions()
    same(small.logits(model, tokens, pos[:1]), small.logits(model, tokens, pos), 'positions of shape [1, L]')
    if encoding.axes > 1:
        # All rows share the first coordinate alone.
        first, *others = np.moveaxis(small.lift(encoding, pos), -1, 0)
        others = [other + np.arange(len(pos), dtype=np.int32)[:, None] for other in others]
        got = small.logits(model, tokens, (first[:1], *others))
        wanted = small.logits(model, tokens, np.stack([first, *others], axis=-1))
        same(got, wanted, 'a tuple of coordinates of shapes [1, L] and [B, L]')


def _read(model, variables, tokens, pos, segments, chunks):
    """Logits of reading in chunks with a cache that has a few slots more than needed."""
    pos = small.lift(model.encoding, pos)
    cache, read, start = model.empty_cache(tokens.shape[0], small.LENGTH + 3, pos), [], 0
    for size in chunks:
        part = slice(start, start + size)
        logits, cache = small.step(model, variables, tokens[:, part], pos[:, part], segments[:, part], cache)
        read.append(np.asarray(logits))
        start += size
    return np.concatenate(read, axis=1)


def _logits_as_read(model, tokens, pos, chunk: int):
    """(places_N, logits_BNV) without a cache. Where they depend on the length of the sequence, each chunk ends one."""
    if not model.encoding.depends_on_length:
        return np.arange(tokens.shape[1]), small.logits(model, tokens, pos)
    ends = [end for end in ENDS if end % chunk == 0]
    parts = [small.logits(model, tokens[:, :end], pos[:, :end])[:, end - chunk :] for end in ends]
    return np.concatenate([np.arange(end - chunk, end) for end in ends]), np.concatenate(parts, axis=1)


@check
def decoding_with_a_cache_equals_reading_at_once(encoding):
    model, tokens, pos = small.model(encoding), small.tokens(), small.positions()
    segments, variables = np.zeros_like(tokens), small.stacked(small.params(model), encoding.period)
    by_token, by_chunk = (small.model(encoding, scan_layers=True, block_size=size) for size in (None, 5))
    places, at_once = _logits_as_read(model, tokens, pos, 1)
    same(_read(by_token, variables, tokens, pos, segments, 24 * [1])[:, places], at_once, 'token by token')
    chunks = _read(by_chunk, variables, tokens, pos, segments, 3 * [8])
    places, at_once = _logits_as_read(model, tokens, pos, 8)
    same(chunks[:, places], at_once, 'in chunks of 8, keys in blocks of 5')


@check
def decoding_takes_prompts_of_different_lengths(encoding):
    model, tokens = small.model(encoding), small.tokens()
    variables = small.stacked(small.params(model), encoding.period)
    of_token, of_chunk = (small.model(encoding, scan_layers=True, block_size=size) for size in (None, 5))
    prompts = np.array([3, 8, 5, 1])
    segments = np.where(np.arange(small.LENGTH) < 8 - prompts[:, None], -1, 0).astype(np.int32)
    pos = _packed(segments)
    left = np.stack([np.roll(row, 8 - prompt) for row, prompt in zip(tokens, prompts)])
    by_token = _read(of_token, variables, left, pos, segments, 24 * [1])
    by_chunk = _read(of_chunk, variables, left, pos, segments, 3 * [8])
    places, at_once = _logits_as_read(model, tokens, small.positions(), 1)
    for row, prompt in enumerate(prompts):
        real, what = prompt + 16, f'a prompt of {prompt} tokens in a batch of others'
        ours, wanted = 8 - prompt + places[places < real], at_once[row, places < real]
        same(by_token[row, ours], wanted, what)
        if encoding.depends_on_length:
            whole = small.logits(model, tokens[:, :real], small.positions(length=real))
            same(by_chunk[row, -8:], whole[row, -8:], what)
        else:
            same(by_chunk[row, ours], wanted, what)


@check
def blocks_and_rematerialisation_change_neither_values_nor_gradients(encoding):
    whole = small.model(encoding, layers=1)
    blocks = small.model(encoding, layers=1, block_size=5, remat=True)
    arguments = small.params(whole), small.tokens(), small.positions()
    (loss, gradient), (loss_5, gradient_5) = (small.value_and_gradient(m, *arguments) for m in (whole, blocks))
    same(loss_5, loss, 'loss', SAME * 1e-1)
    same_trees(gradient_5, gradient, 'gradient with keys in blocks of 5 and remat')


@check
def every_parameter_gets_a_gradient(encoding):
    model = small.model(encoding, layers=1)
    _, gradient = small.value_and_gradient(model, small.params(model), small.tokens(), small.positions())
    for path, leaf in jax.tree_util.tree_leaves_with_path(gradient):
        name = jax.tree_util.keystr(path)
        assert np.isfinite(leaf).all(), f'{name}: the gradient is not finite'
        assert np.abs(leaf).max() > 1e-7, f'{name}: the gradient is zero'


@check
def scanned_layers_equal_separate_ones(encoding):
    separate, scanned = small.model(encoding), small.model(encoding, scan_layers=True)
    tokens, pos = small.tokens(), small.positions()
    stacked = small.stacked(small.params(separate), encoding.period)
    same(small.logits(scanned, tokens, pos, variables=stacked), small.logits(separate, tokens, pos), 'scanned layers')


@check
def rematerialisation_computes_products_again(encoding):
    models = [small.model(encoding, layers=1, remat=remat) for remat in (False, True)]
    traced = jax.make_jaxpr(small.value_and_gradient, static_argnums=0)
    arguments = small.params(models[0]), small.tokens(), small.positions()
    names = [[one.primitive.name for one in programs.equations(traced(model, *arguments).jaxpr)] for model in models]
    once, twice = (of_one.count('dot_general') for of_one in names)
    assert twice > once, f'remat=True: {twice} products of matrices in a step; without it {once}'


@check
def bfloat16_activations_stay_close_to_float32(encoding):
    model, tokens, pos = small.model(encoding), small.tokens(), small.positions()
    exact = small.logits(model, tokens, pos)
    rough = small.logits(small.model(encoding, dtype=jnp.bfloat16), tokens, pos)
    assert rough.dtype == np.float32, f'logits are {rough.dtype}, wanted float32'
    error = np.sqrt(np.mean((rough - exact) ** 2) / np.mean(exact**2))
    assert error < BFLOAT16, f'bfloat16 activations: relative error {error:.4f} of the logits, wanted < {BFLOAT16}'


def _hooks(encoding, dtype, pos_L=FAR):
    """Everything an encoding computes of one sequence, as float32 arrays."""
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
    return {name: value.astype(jnp.float32) for name, value in outputs.items() if value is not None}


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
def sequences_of_64_times_the_length_stay_finite(encoding):
    """Where `out_of_range='nan'` is the policy, tokens past the table are NaN, all of them, and 'clip' is finite."""
    # Trained on 17 tokens, say.
    length = 64 * 17
    model = small.model(encoding, layers=1, block_size=256)
    tokens, pos = small.tokens(1, length), small.positions(1, length)
    logits = small.logits(model, tokens, pos)
    if getattr(encoding, 'out_of_range', None) == 'nan':
        assert np.isnan(logits[:, encoding.max_length :]).all(), 'a token past the table is not NaN'
        clipped = small.model(encoding.clone(out_of_range='clip'), layers=1, block_size=256)
        logits = small.logits(clipped, tokens, pos)
    assert np.isfinite(logits).all(), f'not finite at {length} tokens'


@functools.cache
def _drawn_positions(map_name: str) -> np.ndarray:
    """[B, L], the first coordinate of several; the same for every encoding."""
    position_map = positions.build(map_name, **MAP_OPTIONS.get(map_name, {}))
    tokens = small.tokens()
    pos = position_map(jax.random.key(2), *tokens.shape, train=True, tokens_BL=jnp.asarray(tokens))
    return np.broadcast_to(np.asarray(base.axis(pos, 0)), tokens.shape)


@check
def every_position_map_works(encoding):
    model, tokens = _model(encoding), small.tokens()
    sequential = small.logits(model, tokens, small.positions())
    for name in positions.names():
        # Raised to as many coordinates as the encoding reads.
        pos = _drawn_positions(name)
        try:
            got = small.logits(model, tokens, pos)
        except ValueError as error:
            # A table has no row between two of its rows.
            assert pos.dtype == np.float32 and 'wanted whole numbers' in str(error), f'{name} positions: {error}'
            continue
        distances_changed = (np.diff(pos, axis=1) != 1).any()
        heard = encoding.reads_positions if distances_changed else not encoding.shift_invariant and pos.min() > 0
        (different if heard else same)(got, sequential, f'{name} positions')


@check
def an_encoder_sees_both_sides_but_no_padding(encoding):
    if encoding.needs_causal:
        return
    model, tokens, pos = _model(encoding, name='encoder'), small.tokens(), small.positions()
    segments = np.where(np.arange(small.LENGTH) < 18, 0, -1).astype(np.int32) + np.zeros_like(tokens)
    before = small.logits(model, tokens, pos, segments)
    for place, seen in ((17, True), (20, False)):
        changed = tokens.copy()
        changed[:, place] = (changed[:, place] + 1) % small.VOCABULARY
        after = small.logits(model, changed, pos, segments)
        (different if seen else same)(after[:, :17], before[:, :17], f'another token at place {place} of 18')


@check
def dropout_of_a_row_does_not_depend_on_how_the_batch_is_split(encoding):
    model = small.model(encoding, layers=1, dropout=0.3)
    tokens, pos = small.tokens(1).repeat(2, axis=0), small.positions(2)

    def dropped(*rows):
        return small.with_dropout(model, small.params(model), tokens, pos, np.array(rows), jax.random.key(4))

    first, second = dropped(0, 1), dropped(1, 2)
    same(second[0], first[1], 'row 1 of a batch, and as the first row of its own share')
    different(first[0], first[1], 'two rows with equal tokens have equal dropout')


@check
def odd_sizes_work_unless_even_ones_are_asked_for(encoding):
    # Widths of model and head: both odd, only the head's.
    for width, heads, fits in (
        (15, 3, not (encoding.even_width or encoding.even_head_width)),
        (20, 4, not encoding.even_head_width),
    ):
        model = small.model(encoding, width=width, heads=heads)
        if fits:
            small.params(model)
        else:
            with pytest.raises((TypeError, ValueError)):
                small.params(model)


@check
def layers_share_parameters_unless_claimed_otherwise(encoding):
    variables = small.params(small.model(encoding))['params']
    shared = jax.tree.leaves(variables.get('position_encoding', {}))
    owned = jax.tree.leaves(variables['block_0'].get('position_encoding', {}))
    assert bool(owned) == encoding.owns_parameters(), f'claims per_layer={encoding.per_layer}'
    if encoding.per_layer and not encoding.parts():
        assert not shared, 'claims per_layer, and yet layers share parameters'
        assert not encoding.has('embed'), 'per_layer: `embed` is never called'


def options_of(encoding) -> list[str]:
    """The names of its options: fields beyond those of the base class."""
    known = base.PositionEncoding.__dataclass_fields__
    return [name for name in encoding.__dataclass_fields__ if name not in known]


def _built(encoding, option, value):
    """An encoding where the option is one, and not just its name."""
    if not isinstance(getattr(encoding, option), base.PositionEncoding) or isinstance(value, base.PositionEncoding):
        return value
    return encodings.build(value) if isinstance(value, str) else encodings.build(**value)


def the_option_changes_something(encoding, option: str, value, **beside):
    """Setting `option` to `value` changes logits or initial parameters; `beside` are other options set for both."""
    assert option in options_of(encoding), f'{option!r} is no option of this encoding'
    value, beside = (_built(encoding, option, value), {name: _built(encoding, name, beside[name]) for name in beside})
    before = encoding.clone(parent=None, **beside)
    assert getattr(before, option) != value, f'{option}={value!r} is what it was'
    after = before.clone(parent=None, **{option: value})
    sized, key = [e.sized(32, 4) for e in (before, after)], jax.random.key(0)
    if len({str(jax.eval_shape(e.init_params, key)) for e in sized}) > 1:
        return
    initial = [jax.tree.leaves(e.init_params(key)) for e in sized]
    if any((x != y).any() for x, y in zip(*initial)):
        return
    # Far apart, and in both directions, so that borders of every kind are crossed.
    name = 'decoder' if before.needs_causal or after.needs_causal else 'encoder'
    models = [_model(e, name=name) for e in (before, after)]
    tokens, pos = small.tokens(), 40 * small.positions()
    got = [small.logits(model, tokens, pos) for model in models]
    both = np.isfinite(got[0]) & np.isfinite(got[1])
    moved = np.abs(got[0] - got[1], where=both, out=np.zeros_like(got[0])).max()
    assert moved > DIFFERENT or not both.all(), f'{option}={value!r} changes nothing'
