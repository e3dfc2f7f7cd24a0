"""A small text, and trainers on it, as a run calls them."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from posbench.devices import parallel
from posbench.registry import Registry
from posbench.word_vectors import base, corpus, windows

TRAINERS = Registry('word_vectors', 'Trainer')
WORDS = [f'{first}{last}' for first in ('be', 'ca', 'do', 'fu') for last in ('r', 'st', 'lling', 'nd', 'ta', 'm')]
# Options under which a trainer is small.
SMALL = {
    'skipgram': dict(width=8, window=3, shared=4, block=8, words_per_step=64, sample=0.05),
    'cbow': dict(width=8, window=3, shared=4, block=8, words_per_step=64, sample=0.05),
    'glove': dict(width=8, window=3, cells_per_step=64),
    'svd': dict(width=4, window=3),
}


class State(NamedTuple):
    step: jax.Array
    seed: jax.Array
    params: Any
    opt_state: Any


class Feed(NamedTuple):
    task: Any


@functools.cache
def sentences(split):
    """Random ones, a few words of them frequent: 60 in train, 20 in validation, of 1 to 20 words."""
    rng = np.random.default_rng(['train', 'validation'].index(split))
    share = 1 / np.arange(2, len(WORDS) + 2)
    sizes = rng.integers(1, 21, 60 if split == 'train' else 20)
    return [[WORDS[i] for i in rng.choice(len(WORDS), size, p=share / share.sum())] for size in sizes]


@functools.cache
def text():
    return corpus.build(sentences, min_count=2, splits=('train', 'validation'))


def build(name, **options):
    return TRAINERS.build(name, **SMALL[name] | options)


def first_state(trainer, prepared, seeds):
    def init(seed):
        return State(jnp.zeros((), jnp.int32), seed, *trainer.init(prepared, seed))

    return jax.jit(jax.vmap(init))(jnp.asarray(seeds, jnp.int32))


def filled(params, seed=0):
    """Tables of these shapes without zeros, so that every part of a gradient shows."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=np.shape(x)).astype(np.float32) * 0.5 for name, x in params.items()}


def one_update(trainer, prepared, params, opt_state, step=0):
    """The batch of a step of seed 3, and what an update by it at the rate 0.05 returns."""

    @jax.jit
    def update(params, opt_state, prepared):
        batch = trainer.batch(prepared, jnp.int32(3), jnp.int32(step), 10)
        return batch, trainer.update(params, opt_state, prepared, batch, jnp.float32(0.05), base.Over())

    return jax.device_get(update(params, opt_state, prepared))


@functools.partial(jax.jit, static_argnames=('block', 'reach'))
def windows_of(text, batch, block, reach):
    """The windows of a batch."""
    return windows.windows(text, batch, block, reach)


class Run:
    """The compiled program of some seeds on some devices."""

    def __init__(self, trainer, prepared, *, seeds, devices, data=None):
        self._trainer, self._prepared, self._seeds = trainer, prepared, seeds
        devices, parts = jax.devices()[:devices], trainer.rows(prepared)
        self._layout = parallel.layout('jit', seeds=len(seeds), batch_size=parts, data=data, devices=devices)
        self._compiled = None

    def state(self):
        return first_state(self._trainer, self._prepared, self._seeds)

    def steps(self, *counts):
        """The state and the losses [S, steps] after calls of so many steps, from the first on."""
        state = parallel.place_state(self.state(), self._layout)
        if self._compiled is None:
            steps = base.make_steps(self._trainer, total=sum(counts), most=max(counts))
            self._compiled = parallel.compile_steps(steps, self._layout, jax.eval_shape(lambda: state))
        feed, losses = Feed(parallel.place(jax.tree.map(np.asarray, self._prepared), self._layout)), []
        for count in counts:
            state, metrics = self._compiled(state, feed, jnp.int32(count))
            losses.append(np.asarray(metrics['loss'])[:, :count])
        return jax.device_get(state), np.concatenate(losses, axis=1)
