"""DeBERTa versions 2 and 3 (He et al. 2021, arXiv 2111.09543): a BERT whose attention meets distances as content does.

What all layers share in these models, the table of distances and its layer norm, and the projections of content where
`share_att_key` has them stand for those of distances too, is worked out and copied to each layer here.
"""

import numpy as np

from posbench import encodings
from posbench.pretrained import bert, layers
from posbench.pretrained.converted import Parts
from posbench.pretrained.folder import Settings, Weights


def convert(config: Settings, weights: Weights) -> Parts:
    """The encoder alone: its heads are left out, and its logits, of tied token vectors, mean nothing.

    Token vectors have that of token type 0 added, where there are types.
    """
    width, heads, hidden, vocabulary, count, longest = (
        config.number(name)
        for name in (
            'hidden_size',
            'num_attention_heads',
            'intermediate_size',
            'vocab_size',
            'num_hidden_layers',
            'max_position_embeddings',
        )
    )
    config.one_of('relative_attention', [True], False)
    config.one_of('position_biased_input', [False], True)
    config.one_of('conv_kernel_size', [0], 0)
    config.one_of('embedding_size', [width], width)
    config.one_of('attention_head_size', [width // heads], width // heads)
    weights.remove_prefix('deberta.')
    weights.ignore(r'(pooler|cls|lm_predictions|mask_predictions|classifier)\..*|embeddings\.position_.*')
    vectors_VD = weights.take('embeddings.word_embeddings.weight', vocabulary, width)
    if types := config.take('type_vocab_size', 0):
        vectors_VD = vectors_VD + weights.take('embeddings.token_type_embeddings.weight', types, width)[0]
    params = {'input_layer': {'vectors': vectors_VD, 'norm': layers.norm(weights, 'embeddings.LayerNorm', width)}}

    max_distance, buckets = _reach(config, longest)
    terms = _terms(config)
    table_RD = _table(config, weights, 2 * (buckets or max_distance), width)
    of_distances = []
    for layer in range(count):
        at = f'encoder.layer.{layer}'
        block = bert.block(weights, at, width, heads, hidden, suffix='_proj')
        of_distances.append({'table': table_RD} | _projections(config, weights, at, block, terms, width, heads))
        if len(terms) == 1:
            # One of the two factors of content stands in all terms, and can hold their scale.
            role = 'query' if terms == {'c2p'} else 'key'
            block[role] = {name: value * np.float32(2**-0.5) for name, value in block[role].items()}
        params[f'block_{layer}'] = block
    fields = dict(layers=count, width=width, heads=heads, hidden=hidden)
    options = dict(max_distance=max_distance, buckets=buckets, key_row='code', biased=True)
    return Parts(
        name='encoder',
        fields=dict(**fields, norm='post', style=bert.style(config, 1e-7)),
        vocabulary=vocabulary,
        params=params,
        encoding=encodings.build('deberta', **options, three_terms=len(terms) == 2),
        shared_params=None,
        layer_params=tuple(of_distances),
    )


def _reach(config, longest) -> tuple[int, int | None]:
    """The furthest distance and the number of logarithmic buckets; numbers below 1 stand for none."""
    found = {}
    for name, otherwise in (('max_relative_positions', longest), ('position_buckets', None)):
        value = config.take(name, -1)
        if not isinstance(value, int):
            raise ValueError(f'config.json: got {name}={value!r}, wanted a whole number')
        found[name] = value if value > 0 else otherwise
    return found['max_relative_positions'], found['position_buckets']


def _terms(config) -> set[str]:
    """Which of content to position and position to content there are."""
    got = config.take('pos_att_type')
    terms = {str(term).strip().lower() for term in (got.split('|') if isinstance(got, str) else got)}
    if not terms or not terms <= {'c2p', 'p2c'}:
        raise ValueError(f'config.json: got pos_att_type={got!r}, wanted c2p, p2c or c2p|p2c')
    return terms


def _table(config, weights, rows, width) -> np.ndarray:
    """The vectors of distances, normalised where the model does that."""
    table_RD = weights.take('encoder.rel_embeddings.weight', rows, width)
    if 'layer_norm' not in config.take('norm_rel_ebd', 'none').lower():
        return table_RD
    norm, epsilon = layers.norm(weights, 'encoder.LayerNorm', width), config.real('layer_norm_eps', 1e-7)
    table_RD = table_RD.astype(np.float64)
    centred_RD = table_RD - table_RD.mean(axis=1, keepdims=True)
    scale_R1 = (np.square(centred_RD).mean(axis=1, keepdims=True) + epsilon) ** -0.5
    return (centred_RD * scale_R1 * norm['scale'] + norm['bias']).astype(np.float32)


def _projections(config, weights, at, block, terms, width, heads) -> dict[str, np.ndarray]:
    """Those of distances in one layer; zeros for a term that the model has not."""
    found, shared = {}, config.take('share_att_key', False)
    for role, term in (('key', 'c2p'), ('query', 'p2c')):
        if term not in terms:
            layer = {name: np.zeros_like(value) for name, value in block[role].items()}
        elif shared:
            layer = block[role]
        else:
            layer = layers.dense(weights, f'{at}.attention.self.pos_{role}_proj', width, width)
            layer = layers.to_heads(layer, heads)
        found |= {role: layer['kernel'], f'{role}_bias': layer['bias']}
    return found
