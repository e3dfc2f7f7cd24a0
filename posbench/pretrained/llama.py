"""Llama (Touvron et al. 2023, arXiv 2302.13971, and its successors): a decoder with rotary positions, RMSNorm, gated
SiLU, and few heads of keys and values.
"""

import math

from posbench import encodings
from posbench.encodings import base
from posbench.knobs import kinds
from posbench.models.style import Style
from posbench.pretrained import layers
from posbench.pretrained.converted import Parts
from posbench.pretrained.folder import Settings, Weights


def convert(config: Settings, weights: Weights) -> Parts:
    """The decoder and its logits, which have weights of their own unless the config says otherwise."""
    width, heads, hidden, count, vocabulary = (
        config.number(name)
        for name in ('hidden_size', 'num_attention_heads', 'intermediate_size', 'num_hidden_layers', 'vocab_size')
    )
    groups, head_width = config.number('num_key_value_heads', heads), config.number('head_dim', width // heads)
    attention_bias, mlp_bias, tied = (
        config.one_of(name, [True, False], False) for name in ('attention_bias', 'mlp_bias', 'tie_word_embeddings')
    )
    style = Style(
        epsilon=config.real('rms_norm_eps', 1e-6),
        biased=('query', 'key', 'value', 'out') * attention_bias + ('gate', 'up', 'down') * mlp_bias,
        activation=layers.ACTIVATIONS[config.one_of('hidden_act', layers.ACTIVATIONS, 'silu')],
        gated=True,
        key_value_heads=groups,
        head_width=head_width,
        vectors_scale=1.0,
    )
    weights.remove_prefix('model.')
    # Frequencies that older files hold, and a second copy of tied vectors.
    weights.ignore(r'layers\.\d+\.self_attn\.rotary_emb\.inv_freq' + (r'|lm_head\.weight' if tied else ''))
    params = {
        'input_layer': {'vectors': weights.take('embed_tokens.weight', vocabulary, width)},
        'norm': layers.norm(weights, 'norm', width, bias=False),
    }
    if not tied:
        params['head'] = {'logits': layers.dense(weights, 'lm_head', width, vocabulary, bias=False)}
    for layer in range(count):
        at = f'layers.{layer}'
        block = {
            role: layers.to_heads(
                layers.dense(weights, f'{at}.self_attn.{name}', width, some * head_width, bias=attention_bias), some
            )
            for role, name, some in (('query', 'q_proj', heads), ('key', 'k_proj', groups), ('value', 'v_proj', groups))
        }
        out = layers.dense(weights, f'{at}.self_attn.o_proj', heads * head_width, width, bias=attention_bias)
        params[f'block_{layer}'] = block | {
            'out': layers.from_heads(out, heads),
            'attention_norm': layers.norm(weights, f'{at}.input_layernorm', width, bias=False),
            'gate': layers.dense(weights, f'{at}.mlp.gate_proj', width, hidden, bias=mlp_bias),
            'up': layers.dense(weights, f'{at}.mlp.up_proj', width, hidden, bias=mlp_bias),
            'down': layers.dense(weights, f'{at}.mlp.down_proj', hidden, width, bias=mlp_bias),
            'feed_forward_norm': layers.norm(weights, f'{at}.post_attention_layernorm', width, bias=False),
        }
    fields = dict(layers=count, width=width, heads=heads, hidden=hidden, style=style)
    return Parts(
        name='decoder',
        fields=fields,
        vocabulary=vocabulary,
        tie=tied,
        params=params,
        encoding=rotary(config, head_width),
        shared_params={},
    )


def rotary(config: Settings, head_width: int) -> base.PositionEncoding:
    """The rotary encoding that config.json asks for, in its spelling of today (`rope_parameters`) or before
    (`rope_scaling` and `rope_theta`).

    `dynamic` and `longrope` go by the length of each row; Hugging Face goes by the longest row of a batch.
    """
    values = config.take('rope_parameters', None) or config.take('rope_scaling', {})
    if not isinstance(values, dict):
        raise ValueError(f'config.json: got rope_parameters={kinds.show(values)}, wanted an object in JSON')
    kind = values.get('rope_type', values.get('type', 'default'))
    rope = Settings(values | {'rope_type': kind}, 'config.json: rope_parameters')
    theta = rope.real('rope_theta', config.real('rope_theta', 10_000.0))
    rope.one_of('partial_rotary_factor', [1.0], config.take('partial_rotary_factor', 1.0))
    name, options = SCALINGS[rope.one_of('rope_type', SCALINGS)]
    return encodings.build(name, theta=float(theta), **options(rope, config, head_width))


def _original_length(rope, config):
    inside = rope.number('original_max_position_embeddings', None)
    longest = config.number('max_position_embeddings', 2048)
    return config.number('original_max_position_embeddings', inside or longest)


def _factor(rope, config):
    """How many times longer sequences may become; of some models only both lengths are given."""
    return rope.real('factor', None) or config.number('max_position_embeddings', 2048) / _original_length(rope, config)


def _dynamic(rope, config, head_width):
    return dict(factor=rope.real('factor'), original_length=config.number('max_position_embeddings', 2048))


def _yarn(rope, config, head_width):
    options = dict(factor=_factor(rope, config), original_length=_original_length(rope, config))
    options |= dict(beta_fast=rope.real('beta_fast', 32.0), beta_slow=rope.real('beta_slow', 1.0))
    mscale, mscale_all_dim = rope.real('mscale', None), rope.real('mscale_all_dim', None)
    if mscale and mscale_all_dim:
        options |= dict(mscale=mscale, mscale_all_dim=mscale_all_dim)
    return options | dict(
        truncate=rope.one_of('truncate', [True, False], True), attention_factor=rope.real('attention_factor', None)
    )


def _longrope(rope, config, head_width):
    tables, original_length = {}, _original_length(rope, config)
    for name in ('short', 'long'):
        table = rope.take(f'{name}_factor')
        if not isinstance(table, list | tuple) or len(table) != head_width // 2:
            raise ValueError(
                f'config.json: rope_parameters: got {name}_factor={kinds.show(table)}, wanted a list of '
                f'{head_width // 2} numbers, one for each pair of channels'
            )
        tables[name] = tuple(table)
    factor, attention = max(_factor(rope, config), 1.0), rope.real('attention_factor', None)
    if attention is not None:
        if attention < 1:
            raise ValueError(f'config.json: rope_parameters: got attention_factor={attention}, wanted at least 1')
        # The factor whose square root of 1 + ln(factor) / ln(original_length) it is.
        factor = math.exp((attention**2 - 1) * math.log(original_length))
    return dict(**tables, factor=factor, original_length=original_length)


def _llama3(rope, config, head_width):
    return dict(
        factor=rope.real('factor'),
        original_length=_original_length(rope, config),
        low_turns=rope.real('low_freq_factor'),
        high_turns=rope.real('high_freq_factor'),
    )


# What Hugging Face calls a scaling -> the encoding and its options.
SCALINGS = {
    'default': ('rotary', lambda rope, config, head_width: {}),
    'linear': ('rotary_linear', lambda rope, config, head_width: dict(factor=rope.real('factor'))),
    'dynamic': ('rotary_ntk_dynamic', _dynamic),
    'yarn': ('rotary_yarn', _yarn),
    'longrope': ('rotary_longrope', _longrope),
    'llama3': ('rotary_llama3', _llama3),
}
