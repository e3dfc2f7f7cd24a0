"""Small jobs that read texts: a classifier of whole documents and a tagger, with a BiLSTM, on random letters."""

import functools
from typing import ClassVar
from unittest import mock

import jax
import numpy as np
from ml_collections import ConfigDict

from configs.tasks import classify
from posbench import datasets
from posbench.datasets import labelled
from posbench.knobs import schema
from posbench.training import job

LENGTH, VOCABULARY = 8, 29


class Letters:
    """A letter a token, an unknown one, and the end of a document; words are single letters."""

    letters = 'abcdefghijklmnopqrstuvwxyz '
    spelled = (*letters, '?', '')
    unknown, end_of_document, vocabulary = 27, 28, VOCABULARY
    before, after = (), ()
    index: ClassVar = {letter: i for i, letter in enumerate(letters)}

    def encode(self, text):
        return np.array([self.index.get(letter, self.unknown) for letter in text], np.int32)

    def decode(self, ids):
        return ''.join(self.spelled[i] for i in np.asarray(ids).tolist())

    def segment(self, text):
        return [letter for letter in text if letter != ' ']

    def to_json(self):
        return self.letters


@functools.cache
def documents():
    """Of two classes: one has the first letters of the alphabet, the other the last ones."""
    rng, tokens, starts, ends, labels = np.random.default_rng(0), {}, {}, {}, {}
    for split, count in (('train', 40), ('validation', 12), ('test', 14)):
        stream, starts[split], ends[split] = [], [], []
        labels[split] = (np.arange(count) % 3 == 0).astype(np.int32)
        for label in labels[split]:
            starts[split].append(len(stream))
            stream += [
                *rng.integers(10 * label, 16 + 10 * label, rng.integers(2, 14)).tolist(),
                Letters.end_of_document,
            ]
            ends[split].append(len(stream) - 1)
        tokens[split] = np.array(stream, np.int32)
        starts[split], ends[split] = np.array(starts[split]), np.array(ends[split])
    return labelled.Labelled(
        name='letters', classes=('negative', 'positive'), tokens=tokens, starts=starts, ends=ends, labels=labels,
        vocabulary=VOCABULARY, tokenizer=Letters(), fingerprint='letters',
    )  # fmt: skip


def config(task='text/document', **changes) -> ConfigDict:
    """The config of such a task; `changes` are knobs by path, with __ for the dot."""
    config = classify.get_config()
    config.task = dict(name=task)
    config.dataset = {}
    config.encoding = dict(name='sinusoidal')
    config.model = dict(name='bilstm', width=6, hidden=5)
    config.head = dict(name='classify')
    config.train.update(length=LENGTH, batch_size=4, steps=10, steps_per_call=10)
    config.optimizer.update(warmup_steps=2)
    config.evaluate.update(multiples=(1,), tokens=None, batch_tokens=128)
    config.mesh.update(seed=1, data=1)
    return schema.resolve(config, {path.replace('__', '.'): value for path, value in changes.items()})


def build(task='text/document', dataset=None, **changes) -> job.Job:
    """The job of `config`, on these data or on `documents`."""
    given = documents() if dataset is None else dataset
    with mock.patch.object(datasets, 'read', lambda kind, **_: given):
        return job.from_config(config(task, **changes), 'letters')


def weights(one: job.Job):
    """Parameters of all seeds that nobody trained, and no two of which are alike."""
    rng = np.random.default_rng(1)
    shapes = one.abstract_state.params
    return jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(leaf.dtype), shapes)
