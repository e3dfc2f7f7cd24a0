"""T5 (Raffel et al. 2020, arXiv 1910.10683): an encoder and a decoder with relative biases, which its layers share.

Version 1.1 and its successors have a gated feed-forward layer and output weights of their own.
"""

from typing import Any

import numpy as np

from posbench import encodings
from posbench.models.style import Style
from posbench.pretrained import layers
from posbench.pretrained.converted import Pair, Parts
from posbench.pretrained.folder import Settings, Weights

# What Hugging Face calls a feed-forward layer -> its activation, and whether it is gated.
FEED_FORWARD = {
    'relu': ('relu', False),
    'gelu': ('gelu_erf', False),
    'silu': ('silu', False),
    'gated-gelu': ('gelu_tanh', True),
    'gated-relu': ('relu', True),
    'gated-silu': ('silu', True),
}


def convert(config: Settings, weights: Weights) -> Pair:
    """Both halves, and logits.

    T5 does not divide the products of queries and keys by sqrt(K): its queries are sqrt(K) times as large here. Where
    it divides what logits are made of by sqrt(D), vectors are divided instead and multiplied again as input.
    """
    width, heads, hidden, vocabulary = (config.number(name) for name in ('d_model', 'num_heads', 'd_ff', 'vocab_size'))
    head_width, count = config.number('d_kv', 64), config.number('num_layers')
    buckets = config.number('relative_attention_num_buckets', 32)
    max_distance = config.number('relative_attention_max_distance', 128)
    activation, gated = FEED_FORWARD[config.one_of('feed_forward_proj', FEED_FORWARD, 'relu')]
    # Published files of version 1.1 say tie_word_embeddings=false, whatever is tied; newer ones name the scale itself.
    scaled = config.take('scale_decoder_outputs', config.take('tie_word_embeddings', True))
    tied = 'lm_head.weight' not in weights
    # Copies that some files hold, and a bias that no version of the code has used.
    weights.ignore(r'(encoder|decoder)\.embed_tokens\.weight|.*EncDecAttention\.relative_attention_bias\.weight')

    vectors_VD = weights.take('shared.weight', vocabulary, width)
    scale = np.float32(width**-0.5 if scaled else 1.0)
    around: dict[str, Any] = {'input_layer': {'vectors': vectors_VD * scale if tied else vectors_VD}}
    if not tied:
        around['head'] = {'logits': {'kernel': weights.take('lm_head.weight', vocabulary, width).T * scale}}
    style = Style(
        epsilon=config.real('layer_norm_epsilon', 1e-6),
        activation=activation,
        gated=gated,
        head_width=head_width,
        vectors_scale=None if tied and scaled else 1.0,
    )

    def half(side, count):
        params = {'norm': layers.norm(weights, f'{side}.final_layer_norm', width, bias=False)}
        for layer in range(count):
            at = f'{side}.block.{layer}.layer'
            params[f'block_{layer}'] = _block(weights, at, side == 'decoder', gated, width, heads, head_width, hidden)
        table = f'{side}.block.0.layer.0.SelfAttention.relative_attention_bias.weight'
        options = dict(buckets=buckets, max_distance=max_distance, bidirectional=side == 'encoder')
        return Parts(
            name=side,
            fields=dict(layers=count, width=width, heads=heads, hidden=hidden, style=style),
            vocabulary=vocabulary,
            tie=tied,
            params=params,
            encoding=encodings.build('t5_bias', **options),
            shared_params={'table': weights.take(table, buckets, heads).T},
        )

    decoder = half('decoder', config.number('num_decoder_layers', count))
    return Pair(encoder=half('encoder', count), decoder=decoder, around=around)


def _block(weights, at, decodes, gated, width, heads, head_width, hidden) -> dict:
    def norm(place):
        return layers.norm(weights, f'{at}.{place}.layer_norm', width, bias=False)

    def attention(at):
        def layer(role, inputs, outputs):
            return layers.dense(weights, f'{at}.{role}', inputs, outputs, bias=False)

        roles = ('query', 'key', 'value')
        found = {role: layers.to_heads(layer(role[0], width, heads * head_width), heads) for role in roles}
        found['query']['kernel'] = found['query']['kernel'] * np.float32(head_width**0.5)
        return found | {'out': layers.from_heads(layer('o', heads * head_width, width), heads)}

    last = 2 if decodes else 1
    sizes = {'up': ('wi_1' if gated else 'wi', width, hidden), 'down': ('wo', hidden, width)}
    sizes |= {'gate': ('wi_0', width, hidden)} if gated else {}
    block = attention(f'{at}.0.SelfAttention') | {'attention_norm': norm(0), 'feed_forward_norm': norm(last)}
    if decodes:
        block |= {'cross_attention': attention(f'{at}.1.EncDecAttention'), 'cross_attention_norm': norm(1)}
    return block | {
        name: layers.dense(weights, f'{at}.{last}.DenseReluDense.{stored}', *shape, bias=False)
        for name, (stored, *shape) in sizes.items()
    }
