"""Runs public implementations of encodings and writes what they compute: `tests/golden/<encoding>[-<variant>].npz`.

    python -m tests.golden.references            all files
    python -m tests.golden.references shaw fox   these ones

in an environment of its own (tests/golden/requirements.txt says how to make it); nothing of posbench or JAX is
imported, and no test imports this file. tests/encodings/test_references.py compares the numbers with ours. No name:
all files are written, the same bytes as before by the same versions.

A file holds, for sequences of 12 and of 48 tokens as a rule, under `<length>.<name>`: every input and parameter that
was drawn, by the package's own name for it, and the output `out`. At the first length also `weights`, and `d_<name>`,
the gradients of the sum of weights * out. `about` is JSON: package and version, seed, options, and what was computed.

All numbers are drawn from a fixed seed by the name of what they are, in float32. They are computed in float64 wherever
the package does not cast to float32 itself, and written in float32.
"""

import importlib.metadata
import importlib.util
import json
import math
import pathlib
import sys
import types
import unittest.mock
import warnings
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

FOLDER = pathlib.Path(__file__).parent
SEED = 0
LENGTHS = (12, 48)
HEADS, WIDTH = 2, 8


class Draw:
    """Random numbers that depend on name and shape alone; remembers them."""

    def __init__(self):
        self.drawn = {}

    def _normal(self, name: str, shape, scale: float):
        numbers = np.random.default_rng([SEED, zlib.crc32(name.encode())]).normal(size=shape)
        return torch.tensor((scale * numbers).astype(np.float32)).double()

    def __call__(self, name: str, *shape: int, scale: float = 1.0) -> torch.Tensor:
        """Normal numbers, float64."""
        self.drawn[name] = self._normal(name, shape, scale).requires_grad_()
        return self.drawn[name]

    def heads(self, length: int, names: str = 'q k v', heads: int = HEADS, width: int = WIDTH) -> list[torch.Tensor]:
        """Queries, keys and values, [1, L, H, K]."""
        return [self(name, 1, length, heads, width // HEADS) for name in names.split()]

    def positions(self, length: int, axes: int | None = None, below: int = 60) -> torch.Tensor:
        """`pos`: rising numbers with gaps, int64 [1, L]; with axes any numbers, [1, L, axes]."""
        rng = np.random.default_rng(SEED)
        if axes is None:
            pos = np.sort(rng.choice(below, length, replace=False))
        else:
            pos = rng.integers(0, below, (length, axes))
        self.drawn['pos'] = torch.tensor(pos)[None]
        return self.drawn['pos']

    def fill(self, module: torch.nn.Module, scale: float = 0.3) -> torch.nn.Module:
        """The module in float64, with drawn parameters, without dropout."""
        module = module.double().eval()
        for name, parameter in module.named_parameters():
            parameter.data = self._normal(name, parameter.shape, scale)
            self.drawn[name] = parameter
        return module


class Reference(NamedTuple):
    function: Callable
    package: str
    computed: str
    options: dict[str, Any]
    lengths: tuple[int, ...]


REFERENCES: dict[str, Reference] = {}


def reference(name: str, package: str, computed: str, lengths: tuple[int, ...] = LENGTHS, **options):
    """Registers a function of (draw, length, **options) that gives the output."""

    def register(function):
        REFERENCES[name] = Reference(function, package, computed, options, lengths)
        return function

    return register


def arrays(name: str) -> dict[str, np.ndarray]:
    """What the file of this name holds."""
    function, package, computed, options, lengths = REFERENCES[name]
    about = dict(
        package=package,
        version=importlib.metadata.version(package),
        torch=importlib.metadata.version('torch'),
        seed=SEED,
        lengths=lengths,
        options=options,
        computed=computed,
    )
    found = {'about': np.array(json.dumps(about))}
    for length in lengths:
        draw = Draw()
        out = function(draw, length, **options)
        weights = Draw()('weights', *out.shape)
        gradients = {}
        if out.requires_grad:
            # Parameters that the output does not depend on are none of its inputs.
            learned = {key: value for key, value in draw.drawn.items() if value.requires_grad}
            got = torch.autograd.grad((weights * out).sum(), list(learned.values()), allow_unused=True)
            gradients = {key: value for key, value in zip(learned, got) if value is not None}
            for key in learned.keys() - gradients.keys():
                del draw.drawn[key]
        kept = draw.drawn | {'out': out}
        if length == lengths[0] and gradients:
            kept |= {'weights': weights} | {f'd_{key}': value for key, value in gradients.items()}
        for key, value in kept.items():
            value = value.detach().numpy()
            found[f'{length}.{key}'] = value.astype(np.int32 if value.dtype.kind == 'i' else np.float32)
    return found


def module_of(package: str, path: str, name: str | None = None) -> Any:
    """One file of an installed package, without running the package's own __init__."""
    folder = pathlib.Path(importlib.util.find_spec(package).origin).parent
    spec = importlib.util.spec_from_file_location(name or f'{package}_{pathlib.Path(path).stem}', folder / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def swapped(*tensors: torch.Tensor) -> list[torch.Tensor]:
    """[B, L, H, K] as [B, H, L, K], and back."""
    return [tensor.transpose(1, 2) for tensor in tensors]


def causal_mask(length: int) -> torch.Tensor:
    """[1, 1, L, L]: 0 where a key may be seen, -1e30 elsewhere."""
    return torch.full((1, 1, length, length), -1e30, dtype=torch.float64).triu(1)


# Rotary embeddings.


def llama_config(head_width: int, original: int, rope: dict, **more):
    from transformers import LlamaConfig

    return LlamaConfig(
        hidden_size=HEADS * head_width,
        num_attention_heads=HEADS,
        head_dim=head_width,
        max_position_embeddings=original,
        rope_parameters=rope,
        **more,
    )


# Below the original length of 16 at 12 tokens, beyond it at 48.
ORIGINAL = 16
SCALED = {
    'rotary': dict(rope_type='default', rope_theta=10000.0),
    'rotary_linear': dict(rope_type='linear', rope_theta=10000.0, factor=4.0),
    'rotary_ntk_dynamic': dict(rope_type='dynamic', rope_theta=10000.0, factor=2.0),
    'rotary_yarn': dict(
        rope_type='yarn',
        rope_theta=100.0,
        factor=4.0,
        beta_fast=2.0,
        beta_slow=0.5,
        original_max_position_embeddings=ORIGINAL,
    ),
    'rotary_longrope': dict(
        rope_type='longrope',
        rope_theta=10000.0,
        factor=4.0,
        short_factor=[1.0, 1.1, 1.2, 1.3],
        long_factor=[1.0, 1.5, 2.5, 4.0],
        original_max_position_embeddings=ORIGINAL,
    ),
    'rotary_llama3': dict(
        rope_type='llama3',
        rope_theta=100.0,
        factor=4.0,
        low_freq_factor=1.0,
        high_freq_factor=4.0,
        original_max_position_embeddings=ORIGINAL,
    ),
    'rotary_p': dict(rope_type='proportional', rope_theta=10000.0, partial_rotary_factor=0.75),
}


def llama_rotary(draw, length, rope):
    from transformers.models.llama import modeling_llama as llama

    q = draw('q', 1, length, HEADS, 8)
    cos, sin = llama.LlamaRotaryEmbedding(llama_config(8, ORIGINAL, rope))(q, torch.arange(length)[None])
    return llama.apply_rotary_pos_emb(q, q, cos, sin, unsqueeze_dim=2)[0]


for encoding, rope in SCALED.items():
    computed = 'queries turned by LlamaRotaryEmbedding and apply_rotary_pos_emb'
    reference(encoding, 'transformers', computed, rope=rope)(llama_rotary)


def scaled(width: int, length: int | None = None, **rope) -> dict:
    return dict(width=width, length=length, rope=rope)


# As published models have them.
SPECTRA = [
    scaled(128, rope_type='linear', rope_theta=10000.0, factor=4.0),
    scaled(128, 4096, rope_type='dynamic', rope_theta=10000.0, factor=2.0),
    scaled(128, 9000, rope_type='dynamic', rope_theta=10000.0, factor=2.0),
    scaled(64, rope_type='yarn', rope_theta=10000.0, factor=16.0, original_max_position_embeddings=4096),
    scaled(64, rope_type='yarn', rope_theta=500000.0, factor=8.0, original_max_position_embeddings=131072),
    scaled(
        64,
        rope_type='yarn',
        rope_theta=150000.0,
        factor=32.0,
        beta_fast=32.0,
        beta_slow=1.0,
        truncate=False,
        original_max_position_embeddings=4096,
    ),
    scaled(
        64,
        rope_type='yarn',
        rope_theta=10000.0,
        factor=40.0,
        mscale=1.0,
        mscale_all_dim=0.707,
        original_max_position_embeddings=4096,
    ),
    scaled(
        8,
        5000,
        rope_type='longrope',
        rope_theta=10000.0,
        factor=32.0,
        short_factor=[1.0, 1.1, 1.2, 1.3],
        long_factor=[1.0, 2.0, 8.0, 40.0],
        original_max_position_embeddings=4096,
    ),
    scaled(
        8,
        4096,
        rope_type='longrope',
        rope_theta=10000.0,
        factor=32.0,
        short_factor=[1.0, 1.1, 1.2, 1.3],
        long_factor=[1.0, 2.0, 8.0, 40.0],
        original_max_position_embeddings=4096,
    ),
    scaled(
        128,
        rope_type='llama3',
        rope_theta=500000.0,
        factor=8.0,
        low_freq_factor=1.0,
        high_freq_factor=4.0,
        original_max_position_embeddings=8192,
    ),
    scaled(256, rope_type='proportional', rope_theta=1000000.0, partial_rotary_factor=0.25),
]


@reference(
    'spectra',
    'transformers',
    'ROPE_INIT_FUNCTIONS: radians a token of each pair, and the factor of cos and sin last; a file of one row each',
    lengths=(1,),
    original=4096,
    settings=SPECTRA,
)
def spectra(draw, length, original, settings):
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    rows = []
    for setting in settings:
        config = llama_config(setting['width'], original, setting['rope'])
        rule = ROPE_INIT_FUNCTIONS[setting['rope']['rope_type']]
        omega, factor = rule(config, torch.device('cpu'), seq_len=setting['length'])
        rows.append(torch.cat([omega.double(), torch.tensor([factor], dtype=torch.float64)]))
    return torch.nested.nested_tensor(rows).to_padded_tensor(math.nan)


@reference('rotary-interleaved', 'rotary-embedding-torch', 'rotate_queries_or_keys of RotaryEmbedding', theta=100.0)
def rotary_interleaved(draw, length, theta):
    from rotary_embedding_torch import RotaryEmbedding

    q = draw('q', 1, length, HEADS, 8)
    return RotaryEmbedding(8, theta=theta, seq_before_head_dim=True).rotate_queries_or_keys(q)


@reference('rotary-partial', 'transformers', 'queries turned as in GPT-NeoX', fraction=0.5, theta=10000.0)
def rotary_partial(draw, length, fraction, theta):
    from transformers import GPTNeoXConfig
    from transformers.models.gpt_neox import modeling_gpt_neox as neox

    q = draw('q', 1, length, HEADS, 8)
    rope = dict(rope_type='default', rope_theta=theta, partial_rotary_factor=fraction)
    config = GPTNeoXConfig(hidden_size=HEADS * 8, num_attention_heads=HEADS, rope_parameters=rope)
    cos, sin = neox.GPTNeoXRotaryEmbedding(config)(q, draw.positions(length))
    return neox.apply_rotary_pos_emb(q, q, cos, sin, unsqueeze_dim=2)[0]


@reference('rotary_ntk', 'x-transformers', 'queries turned by RotaryEmbedding(base_rescale_factor)', factor=4.0)
def rotary_ntk(draw, length, factor):
    from x_transformers.x_transformers import RotaryEmbedding, apply_rotary_pos_emb

    (q,) = swapped(draw('q', 1, length, HEADS, 8))
    freqs, _ = RotaryEmbedding(8, base_rescale_factor=factor)(draw.positions(length))
    return apply_rotary_pos_emb(q, freqs).transpose(1, 2)


@reference('xpos', 'torchscale', 'products of queries and keys turned and scaled by XPOS', scale_base=32)
def xpos(draw, length, scale_base):
    path = pathlib.Path('component') / 'xpos_relative_position.py'
    module = module_of('torchscale', str(path)).XPOS(8, scale_base=scale_base).double()
    q, k = draw('q', 1, length, 8), draw('k', 1, length, 8)
    return (module(q) @ module(k, downscale=True).transpose(1, 2)).tril()


@reference('xpos-x_transformers', 'x-transformers', 'the same by RotaryEmbedding(use_xpos=True)', scale_base=32)
def xpos_x_transformers(draw, length, scale_base):
    from x_transformers.x_transformers import RotaryEmbedding, apply_rotary_pos_emb

    q, k = draw('q', 1, length, 8), draw('k', 1, length, 8)
    freqs, scale = RotaryEmbedding(8, use_xpos=True, scale_base=scale_base)(torch.arange(length))
    turned_q, turned_k = apply_rotary_pos_emb(q, freqs, scale), apply_rotary_pos_emb(k, freqs, scale**-1)
    return (turned_q @ turned_k.transpose(1, 2)).tril()


def polar(draw, length, theta, scale):
    from PoPE_pytorch import PoPE, apply_pope_to_qk

    pope = draw.fill(PoPE(4, heads=HEADS, theta=theta), scale)
    q, k = swapped(*draw.heads(length, 'q k'))
    q, k = apply_pope_to_qk(pope(draw.positions(length)[0]), q, k)
    return q @ k.transpose(2, 3)


computed = 'products of queries and keys of apply_pope_to_qk; phases have standard deviation `scale`'
reference('pope_polar', 'PoPE-pytorch', computed, (12, 24), theta=100.0, scale=2.0)(polar)
# Where training starts: on the border of what phases may be.
reference('pope_polar-initial', 'PoPE-pytorch', computed, (12,), theta=100.0, scale=0.0)(polar)


# Positions of several coordinates. Patches of an image come row by row.

GRIDS = {12: (3, 4), 48: (6, 8)}


def timm() -> Any:
    """Its file of sinusoids, which imports others of its folder; the whole folder would need torchvision."""
    layers = types.ModuleType('timm_layers')
    layers.__path__ = [str(pathlib.Path(importlib.util.find_spec('timm').origin).parent / 'layers')]
    with unittest.mock.patch.dict(sys.modules, timm_layers=layers):
        return importlib.import_module('timm_layers.pos_embed_sincos')


def patches(draw, height: int, width: int) -> None:
    """`pos`: row and column of each patch."""
    draw.drawn['pos'] = torch.cartesian_prod(torch.arange(height), torch.arange(width))[None]


@reference('rope_axial', 'timm', 'queries turned by RotaryEmbedding and apply_rot_embed', temperature=100.0)
def rope_axial(draw, length, temperature):
    patches(draw, *GRIDS[length])
    (q,) = swapped(draw('q', 1, length, HEADS, 8))
    sin, cos = timm().RotaryEmbedding(8, temperature=temperature, in_pixels=False).get_embed(GRIDS[length])
    return timm().apply_rot_embed(q, sin, cos).transpose(1, 2)


@reference('rope_mixed', 'timm', 'queries turned by RotaryEmbeddingMixed and apply_rot_embed_cat')
def rope_mixed(draw, length):
    patches(draw, *GRIDS[length])
    (q,) = swapped(draw('q', 1, length, HEADS, 8))
    module = draw.fill(timm().RotaryEmbeddingMixed(HEADS * 8, depth=1, num_heads=HEADS, grid_indexing='ij'))
    return timm().apply_rot_embed_cat(q, module.get_embed(GRIDS[length])[0]).transpose(1, 2)


@reference('sincos_2d', 'timm', 'build_sincos2d_pos_embed(interleave_sin_cos=True): rows, then columns')
def sincos_2d(draw, length):
    patches(draw, *GRIDS[length])
    return timm().build_sincos2d_pos_embed(GRIDS[length], WIDTH, interleave_sin_cos=True)[None]


@reference('swin_bias', 'transformers', 'SwinRelativePositionBias of a square window', lengths=(9, 25))
def swin_bias(draw, length):
    from transformers.models.swin.modeling_swin import SwinRelativePositionBias

    window = (math.isqrt(length),) * 2
    patches(draw, *window)
    return draw.fill(SwinRelativePositionBias(HEADS, window))()


def multimodal(draw, length, embedding: type, sections, theta):
    from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

    rope = dict(rope_type='default', rope_theta=theta, mrope_section=sections)
    config = types.SimpleNamespace(head_dim=16, max_position_embeddings=64, rope_parameters=rope)
    q, pos = draw('q', 1, length, 1, 16), draw.positions(length, axes=3)
    cos, sin = embedding(config)(q, pos.permute(2, 0, 1))
    return apply_rotary_pos_emb(q, q, cos, sin, unsqueeze_dim=2)[0]


@reference('mrope', 'transformers', 'queries turned by Qwen2VLRotaryEmbedding', sections=[2, 3, 3], theta=10000.0)
def mrope(draw, length, **options):
    from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2VLRotaryEmbedding

    return multimodal(draw, length, Qwen2VLRotaryEmbedding, **options)


@reference(
    'mrope-interleaved',
    'transformers',
    'queries turned by Qwen3VLTextRotaryEmbedding',
    sections=[4, 2, 2],
    theta=10000.0,
)
def mrope_interleaved(draw, length, **options):
    from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLTextRotaryEmbedding

    return multimodal(draw, length, Qwen3VLTextRotaryEmbedding, **options)


# Vectors added to tokens.


@reference('sinusoidal', 'transformers', 'create_sinusoidal_embeddings of DistilBERT')
def sinusoidal(draw, length):
    from transformers.models.distilbert.modeling_distilbert import create_sinusoidal_embeddings

    return create_sinusoidal_embeddings(length, WIDTH, torch.zeros(length, WIDTH))[None]


@reference('sinusoidal-whisper', 'transformers', 'sinusoids of Whisper: concatenated, and reaching 1/theta')
def sinusoidal_whisper(draw, length):
    from transformers.models.whisper.modeling_whisper import sinusoids

    return sinusoids(length, WIDTH)[None]


@reference('sinusoidal-scaled', 'x-transformers', 'ScaledSinusoidalEmbedding', theta=100)
def sinusoidal_scaled(draw, length, theta):
    from x_transformers.x_transformers import ScaledSinusoidalEmbedding

    module = draw.fill(ScaledSinusoidalEmbedding(WIDTH, theta=theta))
    return module(torch.zeros(1, length, WIDTH), pos=draw.positions(length)[0].double())[None]


@reference('learned', 'transformers', 'GPT2Model without layers and without the last norm')
def learned(draw, length):
    from transformers import GPT2Config, GPT2Model

    model = GPT2Model(GPT2Config(vocab_size=1, n_embd=WIDTH, n_layer=0, n_head=HEADS, n_positions=50, bos_token_id=0))
    model.ln_f = torch.nn.Identity()
    x = draw('x', 1, length, WIDTH)
    return draw.fill(model)(inputs_embeds=x, position_ids=draw.positions(length, below=50)).last_hidden_state


@reference('conv_position', 'transformers', 'Wav2Vec2PositionalConvEmbedding: a centred kernel', kernel=4, groups=2)
def conv_position(draw, length, kernel, groups):
    from transformers import Wav2Vec2Config
    from transformers.models.wav2vec2.modeling_wav2vec2 import Wav2Vec2PositionalConvEmbedding

    sizes = dict(num_conv_pos_embeddings=kernel, num_conv_pos_embedding_groups=groups)
    module = Wav2Vec2PositionalConvEmbedding(Wav2Vec2Config(hidden_size=WIDTH, num_attention_heads=HEADS, **sizes))
    return draw.fill(module)(draw('x', 1, length, WIDTH))


# Biases of positions alone.


@reference('alibi', 'transformers', 'BloomAttention of six heads, without its last projection', heads=6)
def alibi(draw, length, heads):
    from transformers import BloomConfig
    from transformers.models.bloom import modeling_bloom as bloom

    width = 2 * heads
    attention = bloom.BloomAttention(BloomConfig(hidden_size=width, n_head=heads), layer_idx=0)
    attention.dense = torch.nn.Identity()
    slopes = bloom.build_alibi_tensor(torch.ones(1, length, dtype=torch.int64), heads, torch.float64)
    x = draw('x', 1, length, width)
    return draw.fill(attention, scale=0.2)(x, torch.zeros_like(x), alibi=slopes, attention_mask=causal_mask(length))[0]


@reference('alibi-x_transformers', 'x-transformers', 'AlibiPositionalBias of six heads', heads=6)
def alibi_x_transformers(draw, length, heads):
    from x_transformers.x_transformers import AlibiPositionalBias

    return AlibiPositionalBias(heads).forward_custom_pos(draw.positions(length))


@reference('t5_bias', 'transformers', 'compute_bias of a decoder of T5', buckets=12, max_distance=30)
def t5_bias(draw, length, buckets, max_distance, is_decoder=True):
    from transformers import T5Config
    from transformers.models.t5.modeling_t5 import T5Attention

    config = T5Config(
        num_heads=HEADS,
        relative_attention_num_buckets=buckets,
        relative_attention_max_distance=max_distance,
        is_decoder=is_decoder,
    )
    attention = T5Attention(config, has_relative_attention_bias=True, layer_idx=0)
    draw.fill(attention.relative_attention_bias)
    return attention.compute_bias(length, length)


@reference('t5_bias-encoder', 'transformers', 'compute_bias of an encoder of T5', buckets=12, max_distance=30)
def t5_bias_encoder(draw, length, buckets, max_distance):
    return t5_bias(draw, length, buckets, max_distance, is_decoder=False)


@reference('t5_bias-x_transformers', 'x-transformers', 'RelativePositionBias of a decoder', buckets=32, max_distance=40)
def t5_bias_x_transformers(draw, length, buckets, max_distance):
    from x_transformers.x_transformers import RelativePositionBias

    bias = RelativePositionBias(1.0, causal=True, num_buckets=buckets, max_distance=max_distance, heads=HEADS)
    return draw.fill(bias)(length, length)[None]


def dynamic(draw, length, depth, log_distance):
    from x_transformers.x_transformers import DynamicPositionBias

    bias = DynamicPositionBias(6, heads=HEADS, depth=depth, log_distance=log_distance)
    # One number for all logits of a head, which softmax does not see.
    bias.mlp[-1].bias = None
    # It makes float32 distances itself.
    return draw.fill(bias).float()(length, length)[None] / length


reference(
    'dynamic_bias', 'x-transformers', 'DynamicPositionBias / L, without the last bias', depth=2, log_distance=False
)(dynamic)
reference('dynamic_bias-log', 'x-transformers', 'the same with log_distance', depth=3, log_distance=True)(dynamic)


@reference('wavlm_gated', 'transformers', 'WavLMAttention', buckets=12, max_distance=30)
def wavlm_gated(draw, length, buckets, max_distance):
    from transformers.models.wavlm.modeling_wavlm import WavLMAttention

    attention = WavLMAttention(WIDTH, HEADS, num_buckets=buckets, max_distance=max_distance)
    return draw.fill(attention)(draw('x', 1, length, WIDTH))[0]


# Relative keys.


@reference('shaw', 'transformers', 'Wav2Vec2BertSelfAttention with relative_key, without linear_out', behind=7, ahead=3)
def shaw(draw, length, behind, ahead):
    from transformers import Wav2Vec2BertConfig
    from transformers.models.wav2vec2_bert.modeling_wav2vec2_bert import Wav2Vec2BertSelfAttention

    config = Wav2Vec2BertConfig(
        hidden_size=WIDTH,
        num_attention_heads=HEADS,
        position_embeddings_type='relative_key',
        left_max_position_embeddings=behind,
        right_max_position_embeddings=ahead,
        attn_implementation='eager',
    )
    attention = Wav2Vec2BertSelfAttention(config)
    attention.linear_out = torch.nn.Identity()
    return draw.fill(attention)(draw('x', 1, length, WIDTH))[0]


@reference('transformer_xl', 'transformers', 'rel_attn_core of XLNet, both directions, without segments')
def transformer_xl(draw, length):
    from transformers.models.xlnet.modeling_xlnet import XLNetModel, XLNetRelativeAttention

    q, k, v = (tensor.transpose(0, 1) for tensor in draw.heads(length))
    sizes = types.SimpleNamespace(d_model=WIDTH, attn_type='bi', bi_data=False, clamp_len=0)
    sizes.positional_embedding = XLNetModel.positional_embedding
    distances = XLNetModel.relative_positional_encoding(sizes, length, length, bsz=1).double()
    per_head = (HEADS, WIDTH // HEADS)
    core = types.SimpleNamespace(
        scale=per_head[1] ** -0.5,
        r_w_bias=draw('r_w_bias', *per_head, scale=0.3),
        r_r_bias=draw('r_r_bias', *per_head, scale=0.3),
        rel_shift_bnij=XLNetRelativeAttention.rel_shift_bnij,
        dropout=torch.nn.Identity(),
    )
    projected = torch.einsum('ibh,hnd->ibnd', distances, draw('r', WIDTH, *per_head, scale=0.3))
    return XLNetRelativeAttention.rel_attn_core(core, q, k, v, projected).transpose(0, 1)


def disentangled(draw, length, max_distance, buckets):
    from transformers import DebertaV2Config
    from transformers.models.deberta_v2.modeling_deberta_v2 import DisentangledSelfAttention

    config = DebertaV2Config(
        hidden_size=WIDTH,
        num_attention_heads=HEADS,
        relative_attention=True,
        max_relative_positions=max_distance,
        position_buckets=buckets or -1,
        pos_att_type=['c2p', 'p2c'],
    )
    attention = DisentangledSelfAttention(config)
    attention.pos_key_proj.bias = attention.pos_query_proj.bias = None
    table = draw('rel_embeddings', 2 * (buckets or max_distance), WIDTH)
    seen = torch.ones(1, 1, length, length, dtype=torch.bool)
    return draw.fill(attention)(draw('x', 1, length, WIDTH), seen, rel_embeddings=table)[0]


computed = 'DisentangledSelfAttention, both terms, without the biases of the position projections'
reference('deberta', 'transformers', computed, max_distance=9, buckets=None)(disentangled)
reference('deberta-buckets', 'transformers', computed, max_distance=30, buckets=10)(disentangled)


# By content.


def naive(name: str) -> Any:
    """The plain implementation of an attention in flash-linear-attention."""
    return module_of('fla', f'ops/{name}/naive.py')


@reference('fox', 'fla-core', 'naive_forgetting_attn')
def fox(draw, length):
    q, k, v = draw.heads(length)
    gate = torch.nn.functional.logsigmoid(draw('gate', 1, length, HEADS))
    return naive('forgetting_attn').naive_forgetting_attn(q, k, v, gate)


@reference('fox-x_transformers', 'x-transformers', 'DataDependentAlibi', lengths=(12,))
def fox_x_transformers(draw, length):
    from x_transformers.x_transformers import DataDependentAlibi

    return draw.fill(DataDependentAlibi(WIDTH, HEADS))(draw('x', 1, length, WIDTH)).tril()


@reference(
    'sink',
    'transformers',
    'GptOssRotaryEmbedding, apply_rotary_pos_emb and eager_attention_forward of gpt-oss',
    theta=150_000.0,
    factor=4.0,
    original_length=64,
)
def sink(draw, length, theta, factor, original_length):
    from transformers import GptOssConfig
    from transformers.models.gpt_oss import modeling_gpt_oss as gpt_oss

    rule = dict(rope_type='yarn', beta_fast=32.0, beta_slow=1.0, truncate=False)
    rule |= dict(rope_theta=theta, factor=factor, original_max_position_embeddings=original_length)
    config = GptOssConfig(hidden_size=WIDTH, num_attention_heads=HEADS, head_dim=WIDTH // HEADS, rope_parameters=rule)
    q, k, v = swapped(*draw.heads(length))
    turns = gpt_oss.GptOssRotaryEmbedding(config)(v, draw.positions(length))
    layer = types.SimpleNamespace(sinks=draw('sinks', HEADS), num_key_value_groups=1, training=False)
    unseen = torch.full((length, length), -torch.inf).triu(1)
    q, k = gpt_oss.apply_rotary_pos_emb(q, k, *turns)
    return gpt_oss.eager_attention_forward(layer, q, k, v, unseen, (WIDTH // HEADS) ** -0.5)[0]


@reference('cope_contextual', 'x-transformers', 'Attend(causal=True, cope=CoPE(...))', max_positions=5)
def cope_contextual(draw, length, max_positions):
    from x_transformers.attend import Attend
    from x_transformers.x_transformers import CoPE

    cope = draw.fill(CoPE(WIDTH // HEADS, HEADS, max_positions), scale=1.0)
    return Attend(causal=True, cope=cope)(*swapped(*draw.heads(length)))[0].transpose(1, 2)


@reference('stick_breaking', 'fla-core', 'naive_stickbreaking_attn', attend_current=False)
def stick_breaking(draw, length, attend_current):
    q, k, v = draw.heads(length)
    return naive('stickbreaking_attn').naive_stickbreaking_attn(q, k, v, attend_current=attend_current)[0]


reference('stick_breaking-attend_current', 'fla-core', 'the same, with the own key', attend_current=True)(
    stick_breaking
)


def reflected(draw, length, gate):
    q, k, v, w = draw.heads(length, 'q k v w')
    # As in its layer (`l2norm` of fla.modules.norm).
    w = w * torch.rsqrt(w.square().sum(-1, keepdim=True) + 1e-6)
    beta = 2 * torch.sigmoid(draw('beta', 1, length, HEADS))
    log_gate = torch.nn.functional.logsigmoid(draw('gate', 1, length, HEADS)) if gate else torch.zeros_like(beta)
    attention = naive('path_attn').naive_path_attn
    return attention(q, k, v, w, beta, log_gate, scale=q.shape[-1] ** -0.5, chunk_size=16)


computed = 'naive_path_attn of unit vectors w, and 2 sigmoid(beta)'
reference('path', 'fla-core', computed, gate=False)(reflected)
reference('path-gate', 'fla-core', f'{computed}, with log sigmoid(gate)', gate=True)(reflected)


def walled(draw, length, scalar_gate):
    # Two helpers of the package: a constant, and a kernel for sums along tokens in another base.
    constant = module_of('fla', 'ops/utils/constant.py')
    sums = types.SimpleNamespace(chunk_global_cumsum=lambda g, cu_seqlens, scale: scale * g.cumsum(1))
    helpers = {'fla.ops.utils.constant': constant, 'fla.ops.utils.cumsum': sums}
    with unittest.mock.patch.dict(sys.modules, helpers):
        attention = naive('wall_attn').naive_wall_attn
    q, k, v, gate = draw.heads(length, 'q k v gate')
    scalar = draw('gate_scalar', 1, length, HEADS) if scalar_gate else None
    log_scalar = torch.nn.functional.logsigmoid(scalar) if scalar_gate else None
    log_gate = torch.nn.functional.logsigmoid(gate)
    return attention(q, k, v, log_gate, scale=q.shape[-1] ** -0.5, g_scalar=log_scalar)


computed = 'naive_wall_attn of log sigmoid(gate), with a plain cumsum'
reference('wall', 'fla-core', computed, scalar_gate=False)(walled)
reference('wall-scalar_gate', 'fla-core', f'{computed}, and of one gate a head', scalar_gate=True)(walled)


class First(torch.nn.Module):
    """Takes the place of a layer that is left out."""

    def forward(self, x, **_):
        return x


@reference(
    'inkling',
    'transformers',
    'InklingAttention with scale K^-1/2, without norms, convolutions and o_proj',
    extent=10,
    profiles=3,
    floor=8,
    alpha=0.5,
)
def inkling(draw, length, extent, profiles, floor, alpha):
    from transformers import InklingTextConfig
    from transformers.models.inkling.modeling_inkling import InklingAttention

    config = InklingTextConfig(
        hidden_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        head_dim=WIDTH // HEADS,
        d_rel=profiles,
        rel_extent=extent,
        log_scaling_n_floor=floor,
        log_scaling_alpha=alpha,
        layer_types=['hybrid'],
        attn_implementation='eager',
    )
    attention = InklingAttention(config, layer_idx=0)
    attention.scaling = (WIDTH // HEADS) ** -0.5
    for name in ('q_norm', 'k_norm', 'k_sconv', 'v_sconv', 'o_proj'):
        setattr(attention, name, First())
    x = draw('x', 1, length, WIDTH)
    return draw.fill(attention)(x, attention_mask=causal_mask(length))[0]


@reference(
    'inkling-x_transformers',
    'x-transformers',
    'RelativeProjPositionalBias without the bias of its linear layer',
    lengths=(12,),
    extent=5,
    profiles=3,
)
def inkling_x_transformers(draw, length, extent, profiles):
    from x_transformers.x_transformers import RelativeProjPositionalBias

    bias = RelativeProjPositionalBias(WIDTH, HEADS, profiles, extent)
    bias.to_distance_weights[0].bias = None
    return draw.fill(bias)(draw('x', 1, length, WIDTH))


# Temperature.


@reference('llama4_temperature', 'transformers', 'Llama4TextAttention without rotation and o_proj', floor_scale=4)
def llama4_temperature(draw, length, floor_scale):
    from transformers import Llama4TextConfig
    from transformers.models.llama4.modeling_llama4 import Llama4TextAttention

    config = Llama4TextConfig(
        hidden_size=WIDTH,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        head_dim=WIDTH // HEADS,
        num_hidden_layers=1,
        no_rope_layers=[0],
        floor_scale=floor_scale,
        attn_scale=0.3,
        attn_temperature_tuning=True,
        attn_implementation='eager',
    )
    attention = Llama4TextAttention(config, layer_idx=0)
    attention.o_proj = torch.nn.Identity()
    x = draw('x', 1, length, WIDTH)
    return draw.fill(attention)(x, position_embeddings=None, attention_mask=causal_mask(length))[0]


def main(names: list[str]) -> None:
    unknown = set(names) - set(REFERENCES)
    if unknown:
        sys.exit(f'Unknown references {sorted(unknown)}. There are {sorted(REFERENCES)}.')
    warnings.simplefilter('ignore')
    # One thread adds in one order.
    torch.set_num_threads(1)
    for name in names or REFERENCES:
        path = FOLDER / f'{name}.npz'
        np.savez_compressed(path, **arrays(name))
        print(f'{name}: {path.stat().st_size:,} bytes')


if __name__ == '__main__':
    main(sys.argv[1:])
