"""Runs architectures of transformers with drawn weights and writes what they compute: `models/<name>.npz`.

    python -m tests.golden.pretrained              all files
    python -m tests.golden.pretrained bert t5      these ones

in the environment of tests/golden/requirements.txt; nothing of posbench or JAX is imported, and no test imports this
file. tests/pretrained/ compares the numbers with ours. No name: all files are written, the same bytes as before by the
same versions.

Each model has two layers of 32 channels and 50 token ids, and weights that tests/pretrained/weights.py draws by name
and shape. It runs in float32, without dropout, with the plain attention of the package, on two rows of 12 tokens; the
second one has PADDING tokens of padding at its end. A file holds

    tokens, mask [B, L]       ids, and 1 for a token or 0 for padding
    states [N, B, L, D]       all hidden states, as the package returns them: what enters the first layer, then what
                              leaves each layer; the last one has gone through the final norm of the model, if any
    logits [B, L, V]          if the model has any that mean something
    long_*                    the same for one row of LONG tokens, more than dynamic scalings were trained on
    decoder_*                 the same of the decoder, of an encoder-decoder; `states` are then those of the encoder

and `about`, JSON: package and version, class, config.json as published files have it, and the shape of each weight.
What padding computes means nothing.
"""

import importlib.metadata
import json
import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
import transformers

from tests.pretrained import weights

BATCH, LENGTH, LONG, PADDING, VOCABULARY = 2, 12, 40, 3, 50


class Model(NamedTuple):
    build: Callable
    settings: dict
    long: bool


MODELS: dict[str, Model] = {}


def model(name: str, build: Callable, long: bool = False, **settings):
    """Registers a model; `settings` are those of config.json that are not the defaults of the package."""
    MODELS[name] = Model(build, settings, long)


model(
    'bert',
    transformers.BertModel,
    vocab_size=VOCABULARY,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=48,
    max_position_embeddings=16,
)
model('gpt2', transformers.GPT2LMHeadModel, vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=16)
model('bloom', transformers.BloomForCausalLM, vocab_size=VOCABULARY, hidden_size=32, n_layer=2, n_head=4)

LLAMA = dict(
    vocab_size=VOCABULARY,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    # Wider than width / heads, and wide enough for yarn and llama3 to have frequencies of all kinds.
    head_dim=16,
    intermediate_size=48,
    max_position_embeddings=64,
)
model('llama', transformers.LlamaForCausalLM, long=True, **LLAMA)
# fmt: off
for name, longest, options in (
    ('linear', 64, dict(factor=4.0)),
    ('dynamic', 16, dict(factor=4.0)),
    ('yarn', 1024, dict(factor=4.0, original_max_position_embeddings=256)),
    ('longrope', 64, dict(
        short_factor=[1.0, 1.05, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6],
        long_factor=[1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0],
        original_max_position_embeddings=16,
    )),
    ('llama3', 1024, dict(
        factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=128,
    )),
):
    options = dict(rope_type=name, rope_theta=10_000.0, **options)
    settings = LLAMA | dict(max_position_embeddings=longest, rope_parameters=options)
    model(f'llama_{name}', transformers.LlamaForCausalLM, long=True, **settings)
# fmt: on

T5 = dict(
    vocab_size=VOCABULARY,
    d_model=32,
    d_kv=8,
    d_ff=48,
    num_layers=2,
    num_heads=4,
    # Few enough that 12 tokens reach the last ones.
    relative_attention_num_buckets=8,
    relative_attention_max_distance=10,
    decoder_start_token_id=0,
)
model('t5', transformers.T5ForConditionalGeneration, **T5)
model(
    't5_gated',
    transformers.T5ForConditionalGeneration,
    **T5 | dict(num_decoder_layers=1, feed_forward_proj='gated-gelu', tie_word_embeddings=False),
)

DEBERTA = dict(
    vocab_size=VOCABULARY,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=48,
    max_position_embeddings=16,
    relative_attention=True,
    position_biased_input=False,
    pos_att_type='p2c|c2p',
)
model(
    'deberta_v2',
    transformers.DebertaV2Model,
    **DEBERTA,
    share_att_key=True,
    position_buckets=6,
    norm_rel_ebd='layer_norm',
)
# One term of distances only; distances up to 9 are told apart.
for term in ('c2p', 'p2c'):
    options = dict(pos_att_type=[term], share_att_key=term == 'p2c', max_relative_positions=9)
    model(f'deberta_v2_{term}', transformers.DebertaV2Model, **DEBERTA | options)
model('deberta_v2_own', transformers.DebertaV2Model, **DEBERTA | dict(max_position_embeddings=8, type_vocab_size=2))


def arrays(name: str) -> dict[str, np.ndarray]:
    """What the file of this model holds."""
    build, settings, long = MODELS[name]
    config = build.config_class(**settings)
    config._attn_implementation = 'eager'
    torch.manual_seed(0)
    module = build(config).eval()
    if settings.get('tie_word_embeddings') is False:
        # The package ties the weights of every T5 that it makes, and unties those of a file that has both.
        module.lm_head.weight = torch.nn.Parameter(torch.empty_like(module.lm_head.weight))
    shapes = {key: tuple(parameter.shape) for key, parameter in module.named_parameters()}
    for key, parameter in module.named_parameters():
        parameter.data = torch.tensor(weights.draw(key, shapes[key]))
    about = dict(
        package='transformers',
        version=importlib.metadata.version('transformers'),
        torch=importlib.metadata.version('torch'),
        seed=weights.SEED,
        model=build.__name__,
        config=dict(architectures=[build.__name__], model_type=config.model_type, **settings),
        weights=shapes,
    )
    found = {'about': np.array(json.dumps(about))}
    found |= _run(module, BATCH, LENGTH, PADDING)
    if long:
        found |= {f'long_{key}': value for key, value in _run(module, 1, LONG, 0).items()}
    return found


def _run(module, batch: int, length: int, padding: int) -> dict[str, np.ndarray]:
    tokens = np.random.default_rng(weights.SEED).integers(1, VOCABULARY, (batch, length))
    mask = np.ones_like(tokens)
    if padding:
        tokens[-1, -padding:], mask[-1, -padding:] = 0, 0
    inputs, found = {'input_ids': tokens, 'attention_mask': mask}, {'tokens': tokens, 'mask': mask}
    if module.config.is_encoder_decoder:
        # Fewer tokens than the encoder has, and padding of their own.
        answer, answer_mask = tokens[::-1, :-2].copy(), mask[::-1, :-2].copy()
        inputs |= {'decoder_input_ids': answer, 'decoder_attention_mask': answer_mask}
        found |= {'decoder_tokens': answer, 'decoder_mask': answer_mask}
    with torch.no_grad():
        got = module(**{key: torch.tensor(value) for key, value in inputs.items()}, output_hidden_states=True)
    if module.config.is_encoder_decoder:
        found |= {'states': got.encoder_hidden_states, 'decoder_states': got.decoder_hidden_states}
        found |= {'decoder_logits': got.logits}
    else:
        found |= {'states': got.hidden_states} | ({'logits': got.logits} if 'logits' in got else {})
    for key, value in found.items():
        value = np.stack([state.numpy() for state in value]) if isinstance(value, tuple) else np.asarray(value)
        found[key] = value.astype(np.int32 if value.dtype.kind == 'i' else np.float32)
    return found


def main(names: list[str]) -> None:
    if unknown := sorted(set(names) - set(MODELS)):
        sys.exit(f'Unknown models {unknown}. There are {sorted(MODELS)}.')
    transformers.logging.set_verbosity_error()
    # One thread adds in one order.
    torch.set_num_threads(1)
    for name in names or MODELS:
        path = weights.FOLDER / f'{name}.npz'
        np.savez_compressed(path, **arrays(name))
        print(f'{name}: {path.stat().st_size:,} bytes')


if __name__ == '__main__':
    main(sys.argv[1:])
