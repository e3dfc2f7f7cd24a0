"""Word vectors as a subject: an epoch here and in gensim, by what benchmarks/word_vectors.py trains and scores."""

import functools
import pathlib
import tempfile
from collections.abc import Callable

from benchmarks import word_vectors


def posbench(report: Callable, kind: str, text: str, epochs: int) -> None:
    """A training; `seconds` are of one word."""
    _trained(report, functools.partial(word_vectors.of_posbench, devices=None), 'safetensors', kind, text, epochs)


def gensim(report: Callable, kind: str, text: str, epochs: int) -> None:
    """The same there."""
    _trained(report, word_vectors.of_gensim, 'bin', kind, text, epochs)


def _trained(report, train, suffix: str, kind: str, text: str, epochs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sentences, out = pathlib.Path(folder) / 'text', pathlib.Path(folder) / f'vectors.{suffix}'
        word_vectors.write_text(text, sentences, None)
        found = train(kind, str(sentences), epochs, seed=1, out=str(out))
    report(dict(seconds=1 / found['words_per_second'], core_seconds=1 / found['words_per_core']))
