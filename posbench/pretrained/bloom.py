"""BLOOM (Le Scao et al. 2022, arXiv 2211.05100): a decoder with ALiBi and a norm of the token vectors."""

from posbench import encodings
from posbench.models.style import LINEAR, Style
from posbench.pretrained import layers
from posbench.pretrained.converted import Parts
from posbench.pretrained.folder import Settings, Weights


def convert(config: Settings, weights: Weights) -> Parts:
    """The decoder and its tied logits.

    BLOOM adds slope * pos_k to the logits of a query, ALiBi here -slope * (pos_q - pos_k): the same weights, because
    a softmax does not hear what all its logits share.
    """
    config.one_of('apply_residual_connection_post_layernorm', [False], False)
    # Published files have the one spelling or the other.
    width = config.number('n_embed', None) or config.number('hidden_size')
    heads = config.number('num_attention_heads', None) or config.number('n_head')
    count = config.number('num_hidden_layers', None) or config.number('n_layer')
    vocabulary = config.number('vocab_size')
    hidden, tied = 4 * width, config.one_of('tie_word_embeddings', [True, False], True)
    style = Style(
        norm='layer',
        epsilon=config.real('layer_norm_epsilon', 1e-5),
        biased=LINEAR,
        embedding_norm=True,
        vectors_scale=1.0,
    )
    weights.remove_prefix('transformer.')
    if tied:
        weights.ignore(r'lm_head\.weight')
    params = {
        'input_layer': {
            'vectors': weights.take('word_embeddings.weight', vocabulary, width),
            'norm': layers.norm(weights, 'word_embeddings_layernorm', width),
        },
        'norm': layers.norm(weights, 'ln_f', width),
    }
    if not tied:
        params['head'] = {'logits': layers.dense(weights, 'lm_head', width, vocabulary, bias=False)}
    for layer in range(count):
        at = f'h.{layer}'
        fused = layers.dense(weights, f'{at}.self_attention.query_key_value', width, 3 * width)
        # Of each head its query, key and value, one after the other.
        by_head = {name: value.reshape(*value.shape[:-1], heads, 3, -1) for name, value in fused.items()}
        block = {
            role: {name: value[..., place, :] for name, value in by_head.items()}
            for place, role in enumerate(('query', 'key', 'value'))
        }
        params[f'block_{layer}'] = block | {
            'out': layers.from_heads(layers.dense(weights, f'{at}.self_attention.dense', width, width), heads),
            'attention_norm': layers.norm(weights, f'{at}.input_layernorm', width),
            'up': layers.dense(weights, f'{at}.mlp.dense_h_to_4h', width, hidden),
            'down': layers.dense(weights, f'{at}.mlp.dense_4h_to_h', hidden, width),
            'feed_forward_norm': layers.norm(weights, f'{at}.post_attention_layernorm', width),
        }
    fields = dict(layers=count, width=width, heads=heads, hidden=hidden, style=style)
    return Parts(
        name='decoder',
        fields=fields,
        vocabulary=vocabulary,
        tie=tied,
        params=params,
        encoding=encodings.build('alibi'),
        shared_params={},
    )
