"""GPT-2 (Radford et al. 2019): a decoder with learned absolute positions and a norm before each layer."""

import numpy as np

from posbench import encodings
from posbench.models.style import LINEAR, Style
from posbench.pretrained import layers
from posbench.pretrained.converted import Parts
from posbench.pretrained.folder import Settings, Weights


def convert(config: Settings, weights: Weights) -> Parts:
    """The decoder and its logits, which are tied to the token vectors unless the config says otherwise."""
    config.one_of('scale_attn_weights', [True], True)
    config.one_of('scale_attn_by_inverse_layer_idx', [False], False)
    config.one_of('add_cross_attention', [False], False)
    width, heads, count, longest, vocabulary = (
        config.number(name) for name in ('n_embd', 'n_head', 'n_layer', 'n_positions', 'vocab_size')
    )
    hidden, tied = config.number('n_inner', 4 * width), config.one_of('tie_word_embeddings', [True, False], True)
    style = Style(
        norm='layer',
        epsilon=config.real('layer_norm_epsilon', 1e-5),
        biased=LINEAR,
        activation=layers.ACTIVATIONS[config.one_of('activation_function', layers.ACTIVATIONS, 'gelu_new')],
        vectors_scale=1.0,
    )
    weights.remove_prefix('transformer.')
    # Masks that older files hold, and a second copy of tied vectors.
    weights.ignore(r'h\.\d+\.attn\.(bias|masked_bias)' + (r'|lm_head\.weight' if tied else ''))
    params = {
        'input_layer': {'vectors': weights.take('wte.weight', vocabulary, width)},
        'norm': layers.norm(weights, 'ln_f', width),
    }
    if not tied:
        params['head'] = {'logits': layers.dense(weights, 'lm_head', width, vocabulary, bias=False)}
    for layer in range(count):

        def dense(name, inputs, outputs, at=f'h.{layer}'):
            return layers.dense(weights, f'{at}.{name}', inputs, outputs, transposed=False)

        fused = dense('attn.c_attn', width, 3 * width)
        thirds = {name: np.split(value, 3, axis=-1) for name, value in fused.items()}
        block = {
            role: layers.to_heads({name: parts[place] for name, parts in thirds.items()}, heads)
            for place, role in enumerate(('query', 'key', 'value'))
        }
        params[f'block_{layer}'] = block | {
            'out': layers.from_heads(dense('attn.c_proj', width, width), heads),
            'attention_norm': layers.norm(weights, f'h.{layer}.ln_1', width),
            'up': dense('mlp.c_fc', width, hidden),
            'down': dense('mlp.c_proj', hidden, width),
            'feed_forward_norm': layers.norm(weights, f'h.{layer}.ln_2', width),
        }
    fields = dict(layers=count, width=width, heads=heads, hidden=hidden, style=style)
    return Parts(
        name='decoder',
        fields=fields,
        vocabulary=vocabulary,
        tie=tied,
        params=params,
        encoding=encodings.build('learned', max_length=longest),
        shared_params={'table': weights.take('wpe.weight', longest, width)},
    )
