"""Our encodings compute what public implementations compute, forward and backward: the numbers of tests/golden/*.npz.

Those were written by tests/golden/references.py, whose docstring says what is in a file. One function here for each
file maps the package's inputs and parameters, under the package's names, onto ours. It is differentiated as a whole,
so that gradients are compared in the package's own parameters.
"""

import functools
import json
import math
import pathlib
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import encodings
from posbench.encodings import base
from posbench.encodings.parts import angles
from posbench.models import attention

FOLDER = pathlib.Path(__file__).parent.parent / 'golden'
TOLERANCE = 1e-5

# fmt: off
COMPARED = [
    'alibi', 'conv_position', 'cope_contextual', 'deberta', 'dynamic_bias', 'fox', 'inkling', 'learned',
    'llama4_temperature', 'mrope', 'path', 'pope_polar', 'rope_axial', 'rope_mixed', 'rotary', 'rotary_linear',
    'rotary_llama3', 'rotary_longrope', 'rotary_ntk', 'rotary_ntk_dynamic', 'rotary_p', 'rotary_yarn', 'shaw',
    'sincos_2d', 'sink', 'sinusoidal', 'stick_breaking', 'swin_bias', 't5_bias', 'transformer_xl', 'wall',
    'wavlm_gated', 'xpos',
]
# fmt: on

CASES: dict[str, Callable] = {}


def case(*names: str):
    """Registers a function of (variables, positions, **options of the file) that gives our output."""

    def register(function):
        CASES.update(dict.fromkeys(names, function))
        return function

    return register


@functools.cache
def golden(name: str) -> tuple[dict, dict[int, dict]]:
    """What a file says about itself, and its arrays by length."""
    with np.load(FOLDER / f'{name}.npz') as file:
        about = json.loads(str(file['about']))
        by_length = {length: {} for length in about['lengths']}
        for key in set(file) - {'about'}:
            length, _, what = key.partition('.')
            by_length[int(length)][what] = file[key]
    return about, by_length


def errors(name: str, length: int) -> dict[str, float]:
    """The largest difference of the output, and of each gradient that was saved."""
    about, by_length = golden(name)
    arrays = dict(by_length[length])
    out, weights = arrays.pop('out'), arrays.pop('weights', None)
    gradients = {key.removeprefix('d_'): arrays.pop(key) for key in list(arrays) if key.startswith('d_')}
    pos = jnp.asarray(arrays.pop('pos', np.arange(length, dtype=np.int32)[None]))

    def ours(variables):
        return CASES[name](variables, pos, **about['options'])

    if weights is None:
        return {'out': _error(jax.jit(ours)(arrays), out)}

    @jax.jit
    def both(variables):
        out, pull = jax.vjp(ours, variables)
        return out, pull(jnp.asarray(weights))[0]

    got_out, got = both(arrays)
    assert got.keys() == gradients.keys()
    return {'out': _error(got_out, out)} | {f'd_{key}': _error(got[key], gradients[key]) for key in gradients}


def _error(got, wanted) -> float:
    assert got.shape == wanted.shape
    assert (np.isnan(got) == np.isnan(wanted)).all()
    return float(np.nanmax(np.abs(got - wanted)))


@pytest.mark.parametrize(
    'name, length', [(path.stem, length) for path in sorted(FOLDER.glob('*.npz')) for length in golden(path.stem)[1]]
)
def test_output_and_gradients_are_those_of_the_package(name, length):
    found = errors(name, length)
    assert {what: error for what, error in found.items() if error > TOLERANCE} == {}


def test_every_golden_file_is_compared():
    assert sorted(CASES) == sorted(path.stem for path in FOLDER.glob('*.npz'))


def test_these_encodings_have_a_public_reference():
    assert sorted({name.partition('-')[0] for name in CASES} - {'spectra'}) == COMPARED
    assert set(COMPARED) <= set(encodings.names())


# What the cases are made of. Arrays are [B, L, ...], as in posbench.


def bound(name: str, params: dict | None = None, heads: int = 2, head_width: int = 4, **options):
    """An encoding with these parameters, and 0 for all others."""
    encoding = encodings.build(name, **options).sized(heads * head_width, heads)
    shapes = dict(jax.eval_shape(encoding.init_params, jax.random.key(0)))
    nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    return encoding.with_params(nothing | (params or {}))


def projected(x_BLD, variables: dict, name: str, heads: int = 2) -> jax.Array:
    """A linear layer of PyTorch, which keeps its weight transposed, cut into heads: [B, L, H, K]."""
    y_BLD = x_BLD @ variables[f'{name}.weight'].T
    if f'{name}.bias' in variables:
        y_BLD += variables[f'{name}.bias']
    return y_BLD.reshape(*x_BLD.shape[:2], heads, -1)


def attended(encoding, q_BLHK, k_BLHK, v_BLHK, pos_BL, x_BLD=None, aux=None, causal=True) -> jax.Array:
    """[B, L, H, K]; `aux` is what the hook of this name would give for `x_BLD`."""
    order = attention.sequence_order(q_BLHK.shape[1])
    if aux is None and x_BLD is not None:
        aux = encoding.aux(x_BLD, pos_BL)
    aux = encoding.accumulate(aux, pos_BL, order)
    places = dict(pos_q_BL=pos_BL, pos_k_BM=pos_BL, aux_q=aux, aux_k=aux)
    return attention.attend(q_BLHK, k_BLHK, v_BLHK, encoding=encoding, causal=causal, **places)


def joined(out_BLHK) -> jax.Array:
    """The heads side by side."""
    return out_BLHK.reshape(*out_BLHK.shape[:2], -1)


def turned(encoding, q_BLHK, pos_BL) -> jax.Array:
    aux = encoding.accumulate(None, pos_BL, attention.sequence_order(q_BLHK.shape[1]))
    return encoding.rotate(q_BLHK, pos_BL, 'query', aux)


def scored(encoding, pos_BL, x_BLD) -> jax.Array:
    """What the hook `score` makes of logits of 0: [B, H, L, L]."""
    length, width = x_BLD.shape[1:]
    aux = encoding.accumulate(encoding.aux(x_BLD, pos_BL), pos_BL, attention.sequence_order(length))
    nothing_BLHK = jnp.zeros((1, length, 2, width // 2))
    block = base.Block(nothing_BLHK, nothing_BLHK, pos_BL, pos_BL, aux, aux)
    return encoding.score(jnp.zeros((1, 2, length, length)), block, None)[0]


def products(encoding, q_BLHK, k_BLHK, pos_BL) -> jax.Array:
    """Query times key after rotation, without the scale: [B, H, L, L]."""
    q_BLHK, k_BLHK = encoding.rotate(q_BLHK, pos_BL, 'query'), encoding.rotate(k_BLHK, pos_BL, 'key')
    return encoding.product(base.Block(q_BLHK, k_BLHK, pos_BL, pos_BL), None)[0]


# Rotary embeddings.

# transformers' names of the rules, and of their options, by ours.
RULES = {
    'default': ('rotary', {}),
    'linear': ('rotary_linear', dict(factor='factor')),
    'dynamic': ('rotary_ntk_dynamic', dict(factor='factor')),
    'yarn': (
        'rotary_yarn',
        dict(factor='factor', original_length='original_max_position_embeddings')
        | {option: option for option in ('beta_fast', 'beta_slow', 'truncate', 'mscale', 'mscale_all_dim')},
    ),
    'longrope': (
        'rotary_longrope',
        dict(
            factor='factor',
            original_length='original_max_position_embeddings',
            short='short_factor',
            long='long_factor',
        ),
    ),
    'llama3': (
        'rotary_llama3',
        dict(
            factor='factor',
            original_length='original_max_position_embeddings',
            low_turns='low_freq_factor',
            high_turns='high_freq_factor',
        ),
    ),
    'proportional': ('rotary_p', dict(kept='partial_rotary_factor')),
}


def of_rule(rope: dict, original: int) -> base.PositionEncoding:
    """The encoding of transformers' `rope_parameters`; `original` is its max_position_embeddings."""
    name, names = RULES[rope['rope_type']]
    options = {ours: rope[theirs] for ours, theirs in names.items() if theirs in rope}
    options = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    if name == 'rotary_ntk_dynamic':
        options['original_length'] = original
    return encodings.build(name, theta=rope['rope_theta'], **options).with_params({})


@case(*(name for name, _ in RULES.values()))
def rotary(v, pos, rope):
    return turned(of_rule(rope, 16), v['q'], pos)


@case('spectra')
def spectra_of_published_models(v, pos, original, settings):
    rows = []
    for setting in settings:
        encoding, length = of_rule(setting['rope'], original), setting['length']
        aux = None if length is None else jnp.full((1, 1), length)
        omega, factor = encoding.spectrum(setting['width'], aux)
        rows.append(jnp.append(jnp.ravel(angles.frequency(omega).omega), factor))
    longest = max(map(len, rows))
    return jnp.stack([jnp.pad(row, (0, longest - len(row)), constant_values=jnp.nan) for row in rows])


@case('rotary-interleaved')
def rotary_interleaved(v, pos, theta):
    return turned(bound('rotary', layout='interleaved', theta=theta), v['q'], pos)


@case('rotary-partial')
def rotary_partial(v, pos, fraction, theta):
    return turned(bound('rotary', fraction=fraction, theta=theta), v['q'], pos)


@case('rotary_ntk')
def rotary_ntk(v, pos, factor):
    return turned(bound('rotary_ntk', layout='interleaved', factor=factor), v['q'], pos)


@case('xpos', 'xpos-x_transformers')
def xpos(v, pos, scale_base):
    q, k = v['q'][:, :, None], v['k'][:, :, None]
    return jnp.tril(products(bound('xpos', heads=1, head_width=8, scale_base=scale_base), q, k, pos)[:, 0])


@case('pope_polar', 'pope_polar-initial')
def pope_polar(v, pos, theta, scale):
    return products(bound('pope_polar', {'delta': v['bias']}, theta=theta), v['q'], v['k'], pos)


# Positions of several coordinates.


@case('mrope')
def mrope(v, pos, sections, theta, interleaved=False):
    options = dict(sections=tuple(sections), theta=theta, interleaved=interleaved)
    return turned(bound('mrope', heads=1, head_width=16, **options), v['q'], pos)


@case('mrope-interleaved')
def mrope_interleaved(v, pos, **options):
    return mrope(v, pos, interleaved=True, **options)


@case('rope_axial')
def rope_axial(v, pos, temperature):
    return turned(bound('rope_axial', theta=temperature), v['q'], pos)


@case('rope_mixed')
def rope_mixed(v, pos):
    return turned(bound('rope_mixed', {'frequencies': v['freqs'][:, 0]}, head_width=8), v['q'], pos)


@case('sincos_2d')
def sincos_2d(v, pos):
    return bound('sincos_2d').embed(jnp.zeros((1, pos.shape[1], 8)), pos)


@case('swin_bias')
def swin_bias(v, pos):
    table = v['relative_position_bias_table']
    side = math.isqrt(len(table))
    return bound('swin_bias', {'table': table.T.reshape(2, side, side)}, max_distance=side // 2).bias(pos, pos)


# Vectors added to tokens.


@case('sinusoidal')
def sinusoidal(v, pos):
    return bound('sinusoidal').embed(jnp.zeros((*pos.shape, 8)), pos)


@case('sinusoidal-whisper')
def sinusoidal_whisper(v, pos):
    encoding = bound('sinusoidal', layout='concat', frequencies='tensor2tensor')
    return encoding.embed(jnp.zeros((*pos.shape, 8)), pos)


@case('sinusoidal-scaled')
def sinusoidal_scaled(v, pos, theta):
    encoding = bound('sinusoidal', {'scale': v['scale'][0]}, layout='concat', learned_scale=True, theta=float(theta))
    return encoding.embed(jnp.zeros((*pos.shape, 8)), pos)


@case('learned')
def learned(v, pos):
    table = v['wpe.weight']
    return bound('learned', {'table': table}, max_length=len(table)).embed(v['x'], pos)


@case('conv_position')
def conv_position(v, pos, kernel, groups):
    # The package's kernel is centred, ours ends at the token: its output is ours of kernel/2 - 1 tokens later.
    gain, direction = (v[f'conv.parametrizations.weight.original{n}'] for n in (0, 1))
    weight_OIN = gain * direction / jnp.sqrt((direction**2).sum(axis=(0, 1), keepdims=True))
    weight_GOIN = weight_OIN.reshape(groups, -1, *weight_OIN.shape[1:])
    params = dict(kernel=jnp.transpose(weight_GOIN[..., ::-1], (3, 0, 2, 1)), bias=v['conv.bias'])
    later = kernel // 2 - 1
    x = jnp.pad(v['x'], ((0, 0), (0, later), (0, 0)))
    order, encoding = attention.sequence_order(x.shape[1]), bound('conv_position', params, kernel=kernel, groups=groups)
    return (encoding.enter(x, x, order.index_BL, order, order, jnp.int32(0)) - x)[:, later:]


# Biases of positions alone.


@case('alibi')
def alibi(v, pos, heads):
    # One layer for queries, keys and values, which lie side by side in each head.
    together = projected(v['x'], v, 'query_key_value', heads)
    return joined(attended(bound('alibi', heads=heads, head_width=2), *jnp.split(together, 3, axis=-1), pos))


@case('alibi-x_transformers')
def alibi_x_transformers(v, pos, heads):
    return bound('alibi', heads=heads).bias(pos, pos)


@case('t5_bias')
def t5_bias(v, pos, buckets, max_distance, bidirectional=False):
    options = dict(buckets=buckets, max_distance=max_distance, bidirectional=bidirectional)
    return bound('t5_bias', {'table': v['weight'].T}, **options).bias(pos, pos)


@case('t5_bias-encoder')
def t5_bias_encoder(v, pos, **options):
    return t5_bias(v, pos, bidirectional=True, **options)


@case('t5_bias-x_transformers')
def t5_bias_x_transformers(v, pos, **options):
    return t5_bias({'weight': v['relative_attention_bias.weight']}, pos, **options)


@case('dynamic_bias', 'dynamic_bias-log')
def dynamic_bias(v, pos, depth, log_distance):
    params = {f'kernel_{n}': v[f'mlp.{n}.0.weight'].T for n in range(depth)}
    params |= {f'bias_{n}': v[f'mlp.{n}.0.bias'] for n in range(depth)}
    params[f'kernel_{depth}'] = v[f'mlp.{depth}.weight'].T
    options = dict(hidden=len(params['bias_0']), depth=depth, log_distance=log_distance)
    return bound('dynamic_bias', params, **options).bias(pos, pos) / pos.shape[1]


@case('wavlm_gated')
def wavlm_gated(v, pos, buckets, max_distance):
    params = dict(
        table=v['rel_attn_embed.weight'].T,
        gate_kernel=v['gru_rel_pos_linear.weight'].T.reshape(-1, 2, 4),
        gate_bias=v['gru_rel_pos_linear.bias'].reshape(2, 4),
        gain=v['gru_rel_pos_const'].ravel(),
    )
    encoding = bound('wavlm_gated', params, buckets=buckets, max_distance=max_distance)
    q, k, values = (projected(v['x'], v, f'{name}_proj') for name in 'qkv')
    out = joined(attended(encoding, q, k, values, pos, v['x'], causal=False))
    return joined(projected(out, v, 'out_proj'))


# Relative keys.


@case('shaw')
def shaw(v, pos, behind, ahead):
    encoding = bound('shaw', {'table': v['distance_embedding.weight']}, max_distance=behind, max_ahead=ahead)
    q, k, values = (projected(v['x'], v, f'linear_{name}') for name in 'qkv')
    return joined(attended(encoding, q, k, values, pos, causal=False))


@case('transformer_xl')
def transformer_xl(v, pos):
    params = dict(content_bias=v['r_w_bias'], position_bias=v['r_r_bias'], projection=v['r'])
    return attended(bound('transformer_xl', params), v['q'], v['k'], v['v'], pos, causal=False)


@case('deberta', 'deberta-buckets')
def deberta(v, pos, max_distance, buckets):
    # The authors' code, which the package follows, takes the same row for both terms.
    params = dict(table=v['rel_embeddings'])
    for name in ('key', 'query'):
        params[name] = projected(jnp.eye(8)[None], v, f'pos_{name}_proj')[0]
    options = dict(max_distance=max_distance, buckets=buckets, key_row='code', three_terms=True)
    q, k, values = (projected(v['x'], v, f'{name}_proj') for name in ('query', 'key', 'value'))
    return joined(attended(bound('deberta', params, **options), q, k, values, pos, causal=False))


# By content.


@case('fox')
def fox(v, pos):
    # Gates go in as inputs; ours come from the tokens.
    return attended(bound('fox'), v['q'], v['k'], v['v'], pos, aux=jax.nn.log_sigmoid(v['gate']))


@case('fox-x_transformers')
def fox_x_transformers(v, pos):
    params = dict(weight=v['to_forget_gates.0.weight'].T, bias=v['to_forget_gates.0.bias'])
    return jnp.tril(scored(bound('fox', params), pos, v['x']))


@case('sink')
def sink(v, pos, theta, factor, original_length):
    """A layer of gpt-oss: YaRN beside the sink."""
    rotary = dict(name='rotary_yarn', theta=theta, factor=factor, original_length=original_length, truncate=False)
    encoding = bound('chain', {'second': {'sink': v['sinks']}}, first=rotary, second='sink')
    return attended(encoding, v['q'], v['k'], v['v'], pos)


@case('cope_contextual')
def cope_contextual(v, pos, max_positions):
    # The package follows the listing in the paper, which does not scale the term.
    options = dict(max_positions=max_positions, scaled=False)
    return attended(bound('cope_contextual', {'table': v['pos_emb']}, **options), v['q'], v['k'], v['v'], pos)


@case('stick_breaking', 'stick_breaking-attend_current')
def stick_breaking(v, pos, attend_current):
    return attended(bound('stick_breaking', attend_current=attend_current), v['q'], v['k'], v['v'], pos)


@case('path', 'path-gate')
def path(v, pos, gate):
    # The package multiplies the gate by the scale too.
    encoding = bound('path', conv_size=None, gate=gate, gate_inside_scale=gate)
    aux = {'w': joined(v['w']), 'beta': 2 * jax.nn.sigmoid(v['beta'])}
    if gate:
        aux['gate'] = jax.nn.log_sigmoid(v['gate'])
    return attended(encoding, v['q'], v['k'], v['v'], pos, aux=aux)


@case('wall', 'wall-scalar_gate')
def wall(v, pos, scalar_gate):
    aux = {'channels': jax.nn.log_sigmoid(v['gate'])}
    if scalar_gate:
        aux['head'] = jax.nn.log_sigmoid(v['gate_scalar'])
    return attended(bound('wall', scalar_gate=scalar_gate), v['q'], v['k'], v['v'], pos, aux=aux)


@case('inkling')
def inkling(v, pos, **options):
    mixing = projected(jnp.eye(8)[None], v, 'r_proj')[0]
    params = dict(mixing=mixing, bank=v['rel_logits_proj.proj'].T)
    q, k, values = (projected(v['x'], v, f'{name}_proj') for name in 'qkv')
    return joined(attended(bound('inkling', params, **options), q, k, values, pos, v['x']))


@case('inkling-x_transformers')
def inkling_x_transformers(v, pos, **options):
    mixing = projected(jnp.eye(8)[None], v, 'to_distance_weights.0')[0]
    return scored(bound('inkling', dict(mixing=mixing, bank=v['distance_bank'].T), **options), pos, v['x'])


# Temperature.


@case('llama4_temperature')
def llama4_temperature(v, pos, floor_scale):
    encoding = bound('llama4_temperature', over='none', floor_scale=floor_scale, strength=0.3)
    q, k, values = (projected(v['x'], v, f'{name}_proj') for name in 'qkv')
    return joined(attended(encoding, q, k, values, pos))
