"""A published sentence encoder in posbench: its hidden states beside those of transformers, and what another encoding
in the place of its positions makes of it.

    python -m benchmarks.pretrained_minilm [--folder=DIR]

all-MiniLM-L6-v2 (Wang et al. 2020, arXiv 2002.10957; a BERT of 6 layers) is fetched once (benchmarks/fetch_minilm.py);
`--folder` takes a folder in Hugging Face layout in its place. Hidden states are compared on a dozen sentences, padding
left out, if transformers and torch are there (benchmarks/requirements.txt): the largest difference over the largest
value of a layer. A sentence's embedding is the mean of its last hidden states, of length 1; similar sentences have a
cosine near 1. Nothing is trained after a swap: the row says what of the embeddings an encoder keeps that never saw the
encoding. Exit code 1 if a difference is above 1e-5.
"""

import argparse
import importlib.util
import pathlib
import sys

import jax
import numpy as np
import tokenizers

from benchmarks import fetch_minilm
from posbench import encodings, pretrained
from posbench.models import model

TOLERANCE = 1e-5
SENTENCES = [
    'A cat sleeps on the warm windowsill.',
    'The kitten is napping by the sunny window.',
    'The central bank raised interest rates again.',
    'Borrowing became more expensive after the decision of the central bank.',
    'She plays the violin in a small orchestra.',
    'How do I reset the password of my account?',
    'I forgot my login details and need to change them, please help me to get back into the account that I have used '
    'for many years and in which all my photographs and letters are kept.',
    'Heavy rain is expected in the north tomorrow.',
    'The dog bit the man.',
    'The man bit the dog.',
    'Whales are mammals that live in the sea.',
    'Yes.',
]
PAIRS = {'near': [(0, 1), (2, 3), (5, 6)], 'far': [(0, 2), (4, 5), (7, 10)], 'same words, other order': [(8, 9)]}
# Encodings in the place of learned positions, without any training.
SWAPS = {'rotary': {}, 'alibi': {}, 'none': {}}


def tokenise(folder: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    """Token ids and segment ids, int32 [B, L], padded on the right with segment -1."""
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / 'tokenizer.json'))
    tokenizer.enable_padding()
    encoded = tokenizer.encode_batch(SENTENCES)
    mask_BL = np.array([one.attention_mask for one in encoded])
    return np.array([one.ids for one in encoded], np.int32), np.where(mask_BL, 0, -1).astype(np.int32)


def states(loaded: pretrained.Pretrained, tokens_BL: np.ndarray, segments_BL: np.ndarray) -> list[np.ndarray]:
    """Hidden states of each layer, [B, L, D]."""
    pos_BL = np.arange(tokens_BL.shape[1], dtype=np.int32)[None]

    @jax.jit
    def run(params):
        return model.hidden_states(loaded.model, params, tokens_BL, pos_BL, segments_BL)[0]

    return [np.asarray(one) for one in run(loaded.params)]


def reference(folder: pathlib.Path, tokens_BL: np.ndarray, segments_BL: np.ndarray) -> list[np.ndarray] | None:
    """The same by transformers, or None where it is not installed."""
    if any(importlib.util.find_spec(name) is None for name in ('torch', 'transformers')):
        return None
    import torch
    import transformers

    model = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        out = model(
            input_ids=torch.tensor(tokens_BL, dtype=torch.long),
            attention_mask=torch.tensor(segments_BL >= 0, dtype=torch.long),
            output_hidden_states=True,
        )
    return [one.numpy() for one in out.hidden_states]


def embeddings(last_BLD: np.ndarray, segments_BL: np.ndarray) -> np.ndarray:
    """Mean over the tokens of a sentence, of length 1, [B, D]."""
    real_BL1 = (segments_BL >= 0)[..., None]
    mean_BD = (last_BLD * real_BL1).sum(axis=1) / real_BL1.sum(axis=1)
    return mean_BD / np.linalg.norm(mean_BD, axis=1, keepdims=True)


def similarities(of_BD: np.ndarray) -> str:
    """The mean cosine of each kind of pairs of sentences."""
    means = {kind: np.mean([of_BD[a] @ of_BD[b] for a, b in pairs]) for kind, pairs in PAIRS.items()}
    return ', '.join(f'{kind} {mean:.3f}' for kind, mean in means.items())


def report(folder: pathlib.Path) -> int:
    """Prints everything; the exit code."""
    tokens_BL, segments_BL = tokenise(folder)
    real_BL = segments_BL >= 0
    print(f'{len(SENTENCES)} sentences of {real_BL.sum(axis=1).min()} to {real_BL.sum(axis=1).max()} tokens')
    ours = states(pretrained.load(folder), tokens_BL, segments_BL)
    theirs, worst = reference(folder, tokens_BL, segments_BL), 0.0
    if theirs is None:
        print('hidden states: transformers and torch are not installed (pip install -r benchmarks/requirements.txt)')
    else:
        for layer, (a_BLD, b_BLD) in enumerate(zip(ours, theirs, strict=True)):
            off = np.abs(a_BLD - b_BLD)[real_BL].max() / np.abs(b_BLD[real_BL]).max()
            worst = max(worst, off)
            print(f'hidden states {layer}: largest relative difference to transformers {off:.1e}')
    own_BD = embeddings(ours[-1], segments_BL)
    print(f'learned positions: cosine of sentences: {similarities(own_BD)}')
    for name, options in SWAPS.items():
        swapped = pretrained.load(folder, encoding=encodings.build(name, **options))
        of_BD = embeddings(states(swapped, tokens_BL, segments_BL)[-1], segments_BL)
        kept = (own_BD * of_BD).sum(axis=1)
        print(
            f'{name} in their place, untrained: cosine to the embedding before {kept.mean():.3f} '
            f'({kept.min():.3f} to {kept.max():.3f}); of sentences: {similarities(of_BD)}'
        )
    return int(worst > TOLERANCE)


def main() -> int:
    """Takes the model from the command line's folder, or fetches it."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--folder', type=pathlib.Path, help='a folder in Hugging Face layout, with its tokenizer.json')
    folder = parser.parse_args().folder
    return report(fetch_minilm.obtain() if folder is None else folder)


if __name__ == '__main__':
    sys.exit(main())
