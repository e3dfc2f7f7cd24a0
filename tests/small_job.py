"""A run of one of the configs, made small, on a text of random tokens."""

import functools
import importlib
import pathlib
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from configs import default
from posbench import datasets, encodings
from posbench.devices import parallel
from posbench.knobs import forms, schema
from posbench.training import job, loop, step
from posbench.training.progress import Progress
from tests.encodings import small

FOLDER = pathlib.Path(default.__file__).parent
CONFIGS = sorted(path.stem for path in FOLDER.glob('*.py'))
# Encodings on the default task; the others are recipes of a task of their own.
VARIANTS = [
    name
    for name in forms.names(forms.MODEL, FOLDER)
    if importlib.import_module(f'configs.{name}').get_config().task == default.get_config().task
]
VOCABULARY, LENGTH, BATCH, STEPS, SECOND_STEPS = 32, 16, 4, 20, 5


class Tokenizer:
    """A character a token, and nothing for the end of a document."""

    spelled = '0123456789.\n+=abcdefghijklmnopq'

    def encode(self, text: str) -> np.ndarray:
        return np.array([self.spelled.index(character) for character in text], np.int32)

    def decode(self, ids) -> str:
        return ''.join(self.spelled[i : i + 1] for i in ids)

    def to_json(self) -> str:
        return self.spelled


@functools.cache
def text() -> datasets.Text:
    """Tokens with some order in them, so that there is something to learn, and baselines that no one computed."""
    rng = np.random.default_rng(0)

    def tokens(count):
        drawn_N = rng.integers(0, VOCABULARY - 1, count, dtype=np.int32)
        for place in np.flatnonzero(rng.random(count) < 0.7):
            drawn_N[place] = (drawn_N[place - 3] + 1) % 8
        return drawn_N

    return datasets.Text(
        name='random',
        tokens=dict(train=tokens(2000), validation=tokens(300), test=tokens(700)),
        characters_V=np.arange(VOCABULARY, dtype=np.int32) % 5,
        end_of_document=VOCABULARY - 1,
        vocabulary=VOCABULARY,
        tokenizer=Tokenizer(),
        baselines={
            split: {'unigram': 4.0 + add, '5-gram': 3.0 + add, 'unigram_tokens': 2.5, 'unigram_tokens_nats': 3.5 + add}
            for split, add in (('validation', 0.0), ('test', 0.25))
        },
        fingerprint='',
    )


def build(name: str, *, devices=None, **changes) -> job.Job:
    """The job of configs/<name>.py; `changes` are knobs by path, with __ for the dot."""
    config = ConfigDict(schema.resolve(importlib.import_module(f'configs.{name}').get_config()).to_dict())
    layers = small.fewest_layers(encodings.build(**config.encoding))
    config.model.update(layers=layers, width=16, heads=2, hidden=32)
    config.train.update(length=LENGTH, batch_size=BATCH, steps=STEPS, steps_per_call=STEPS)
    # At a higher rate some (tapa) make of a rounding error one of the size that golden losses tell apart.
    config.optimizer.update(learning_rate=3e-3, warmup_steps=5)
    config.second_phase.update(steps=SECOND_STEPS, warmup_steps=2)
    config.evaluate.update(multiples=(1, 2), tokens=200, batch_tokens=128)
    if 'stride' in config.task:
        config.task.stride = 8
    config.mesh.update(seed=1, data=1)
    changes = {path.replace('__', '.'): value for path, value in changes.items()}
    config.update_from_flattened_dict(changes)
    with mock.patch.object(datasets, 'read', lambda kind, **_: text()):
        return job.from_config(config, name, devices)


@functools.cache
def first_state(name: str, **changes) -> step.State:
    """The state of `build(name, **changes)` at step 0, as NumPy arrays: compiled once for all that ask."""
    return jax.tree.map(np.asarray, build(name, **changes).phases[0].init_state())


def losses(one: job.Job, first: step.State | None = None) -> np.ndarray:
    """The loss of every step, [S, steps], from its own first state or from a given one."""
    source = one.device_feed()
    state, found = one.phases[0].init_state() if first is None else first, []
    for phase in one.phases:
        state = phase.take_over(state) if phase.before else state
        count = phase.schedule.steps - phase.start
        state, metrics = phase.compiled_steps(parallel.place_state(state, one.layout), source, jnp.int32(count))
        state = parallel.one_copy(state, one.layout)
        found.append(parallel.numbers(metrics, one.layout)['loss'][:, :count])
    return np.concatenate(found, axis=1)


def trained(one: job.Job) -> loop.Trained:
    """Random parameters that nothing had to be compiled for."""
    rng = np.random.default_rng(0)
    state = one.abstract_state

    def drawn(shapes):
        return jax.tree.map(lambda leaf: jnp.asarray(0.3 * rng.normal(size=leaf.shape), leaf.dtype), shapes)

    return loop.Trained(drawn(state.params), drawn(state.frozen), 7)


def silent() -> Progress:
    """What a person would see, unseen."""
    return Progress(quiet=True)
