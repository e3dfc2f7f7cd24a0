"""A run of word vectors, made small, on a text of made-up words that has something to learn."""

import functools
import importlib
from unittest import mock

import numpy as np

from posbench import datasets
from posbench.datasets import words
from posbench.knobs import schema
from posbench.word_vectors import corpus, job

KINDS, WORDS = 6, 40


def sentences(count: int, rng: np.random.Generator) -> list[list[str]]:
    """Words of one kind stand together: kind 2 has the words w2, w8, w14, ..."""
    drawn = []
    for _ in range(count):
        kind = rng.integers(KINDS)
        # The first of a kind are its most frequent ones.
        places_N = np.minimum(rng.geometric(0.3, 12) - 1, (WORDS - 1 - kind) // KINDS)
        drawn.append([f'w{kind + KINDS * place}' for place in places_N])
    return drawn


@functools.cache
def text() -> words.Words:
    """Some thousand words, a tenth of them each to validate and to test on."""
    rng = np.random.default_rng(0)
    drawn = {split: sentences(count, rng) for split, count in (('train', 240), ('validation', 24), ('test', 24))}
    made = corpus.build(drawn.__getitem__, min_count=2)
    return words.Words('made_up', made, made.fingerprint)


def build(name: str, **changes) -> job.Job:
    """The job of configs/<name>.py; `changes` are knobs by path, with __ for the dot."""
    small = dict(vectors__width=8, train__steps_per_call=2, train__evaluate_every=4, train__checkpoint_every=2)
    small |= dict(mesh__seed=1, mesh__data=1) | changes
    config = importlib.import_module(f'configs.{name}').get_config()
    resolved = schema.resolve(config, {path.replace('__', '.'): value for path, value in small.items()})
    with mock.patch.object(datasets, 'read', lambda kind, **_: text()):
        return job.from_config(resolved, name)
