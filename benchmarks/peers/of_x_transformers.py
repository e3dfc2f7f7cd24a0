"""x-transformers (Wang 2020-2026) as a subject: a training step, and generation with its cache."""

import time
from collections.abc import Callable

import torch
from x_transformers import AutoregressiveWrapper, Decoder, TransformerWrapper

from benchmarks.peers import of_torch
from benchmarks.peers.turns import Clock

OPTIONS = {
    'none': {},
    'rotary': dict(rotary_pos_emb=True),
    'alibi': dict(alibi_pos_bias=True),
    't5': dict(rel_pos_bias=True),
}


def build(encoding: str, width: int, layers: int, heads: int, hidden: int, vocabulary: int, length: int, flash: bool):
    """A decoder as large as the others, without positions of its own."""
    return TransformerWrapper(
        num_tokens=vocabulary,
        max_seq_len=length,
        use_abs_pos_emb=False,
        attn_layers=Decoder(
            dim=width,
            depth=layers,
            heads=heads,
            attn_dim_head=width // heads,
            ff_mult=hidden // width,
            attn_flash=flash,
            **OPTIONS[encoding],
        ),
    )


def train(
    report: Callable,
    encoding: str,
    width: int,
    layers: int,
    heads: int,
    hidden: int,
    vocabulary: int,
    length: int,
    batch: int,
    steps: int,
    flash: bool = False,
) -> None:
    """A turn is `steps` steps by AdamW."""
    before = time.perf_counter()
    model = build(encoding, width, layers, heads, hidden, vocabulary, length, flash)
    of_torch.steps_of(report, model, vocabulary, length, batch, steps, before)


def generate(
    report: Callable,
    encoding: str,
    width: int,
    layers: int,
    heads: int,
    hidden: int,
    vocabulary: int,
    batch: int,
    prompt: int,
    tokens: int,
) -> None:
    """A turn is a greedy continuation of `batch` prompts."""
    decoder = build(encoding, width, layers, heads, hidden, vocabulary, prompt + tokens, flash=True)
    model = AutoregressiveWrapper(decoder).eval()
    prompts = torch.randint(0, vocabulary, (batch, prompt))

    def run():
        with torch.inference_mode():
            model.generate(prompts, seq_len=tokens, temperature=0.0, cache_kv=True)

    run()
    report({})
    while True:
        clock = Clock()
        run()
        report(clock.read())
