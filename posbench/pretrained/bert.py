"""BERT (Devlin et al. 2019, arXiv 1810.04805): an encoder with learned absolute positions and a norm after each layer.

Sentence encoders such as MiniLM and all that call themselves BertModel are the same architecture.
"""

from posbench import encodings
from posbench.models.style import LINEAR, Style
from posbench.pretrained import layers
from posbench.pretrained.converted import Parts
from posbench.pretrained.folder import Settings, Weights


def convert(config: Settings, weights: Weights) -> Parts:
    """The encoder alone: its pooler and heads are left out, and its logits, of tied token vectors, mean nothing.

    Token vectors have that of token type 0 added, the only one there is here.
    """
    config.one_of('is_decoder', [False], False)
    config.one_of('position_embedding_type', ['absolute'], 'absolute')
    width, heads, hidden, vocabulary = (
        config.number(name) for name in ('hidden_size', 'num_attention_heads', 'intermediate_size', 'vocab_size')
    )
    count, longest = config.number('num_hidden_layers'), config.number('max_position_embeddings')
    weights.remove_prefix('bert.')
    weights.ignore(r'pooler\..*|cls\..*|classifier\..*|embeddings\.position_ids')
    types_TD = weights.take('embeddings.token_type_embeddings.weight', config.number('type_vocab_size', 2), width)
    vectors_VD = weights.take('embeddings.word_embeddings.weight', vocabulary, width)
    params = {
        'input_layer': {
            'vectors': vectors_VD + types_TD[0],
            'norm': layers.norm(weights, 'embeddings.LayerNorm', width),
        }
    }
    for layer in range(count):
        params[f'block_{layer}'] = block(weights, f'encoder.layer.{layer}', width, heads, hidden)
    fields = dict(layers=count, width=width, heads=heads, hidden=hidden)
    return Parts(
        name='encoder',
        fields=dict(**fields, norm='post', style=style(config, 1e-12)),
        vocabulary=vocabulary,
        params=params,
        encoding=encodings.build('learned', max_length=longest),
        shared_params={'table': weights.take('embeddings.position_embeddings.weight', longest, width)},
    )


def style(config: Settings, epsilon: float) -> Style:
    """That of BERT and its successors; `epsilon` of the norms, where the config says nothing."""
    return Style(
        norm='layer',
        epsilon=config.real('layer_norm_eps', epsilon),
        biased=LINEAR,
        activation=layers.ACTIVATIONS[config.one_of('hidden_act', layers.ACTIVATIONS, 'gelu')],
        embedding_norm=True,
        vectors_scale=1.0,
    )


def block(weights: Weights, at: str, width: int, heads: int, hidden: int, suffix: str = '') -> dict:
    """The layer called `at`; `suffix` ends the names of queries, keys and values."""
    parts = {
        name: layers.to_heads(layers.dense(weights, f'{at}.attention.self.{name}{suffix}', width, width), heads)
        for name in ('query', 'key', 'value')
    }
    return parts | {
        'out': layers.from_heads(layers.dense(weights, f'{at}.attention.output.dense', width, width), heads),
        'attention_norm': layers.norm(weights, f'{at}.attention.output.LayerNorm', width),
        'up': layers.dense(weights, f'{at}.intermediate.dense', width, hidden),
        'down': layers.dense(weights, f'{at}.output.dense', hidden, width),
        'feed_forward_norm': layers.norm(weights, f'{at}.output.LayerNorm', width),
    }
