"""Llama of Hugging Face's transformers as a subject: generation with its cache."""

from collections.abc import Callable

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from benchmarks.peers.turns import Clock


def generate(
    report: Callable,
    width: int,
    layers: int,
    heads: int,
    hidden: int,
    vocabulary: int,
    batch: int,
    prompt: int,
    tokens: int,
) -> None:
    """A turn is a greedy continuation of `batch` prompts; as many parameters as the others have."""
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        # Three matrices in the place of two.
        intermediate_size=2 * hidden // 3,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        max_position_embeddings=prompt + tokens,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=0,
    )
    model = LlamaForCausalLM(config).eval()
    prompts = torch.randint(0, vocabulary, (batch, prompt))

    def run():
        with torch.inference_mode():
            said = model.generate(
                prompts, attention_mask=torch.ones_like(prompts), max_new_tokens=tokens, do_sample=False, use_cache=True
            )
        if said.shape[1] != prompt + tokens:
            raise RuntimeError(f'{said.shape[1] - prompt} new tokens, wanted {tokens}')

    run()
    report({})
    while True:
        clock = Clock()
        run()
        report(clock.read())
