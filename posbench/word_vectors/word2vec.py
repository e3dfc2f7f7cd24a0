"""What CBOW and skip-gram share: the text, the tables, the rate, and the update of the rows that a batch names."""

import dataclasses
import functools
from pathlib import Path
from typing import Annotated, Literal

import jax
import jax.numpy as jnp
import numpy as np

from posbench import streams
from posbench.knobs import Range
from posbench.word_vectors import base, full, hierarchical, inputs, negatives, pairs, rows, windows
from posbench.word_vectors.corpus import Corpus

# Words of a row of the batch; a step's words are cut into as many rows.
ROW = 512
# Steps' worth of held-out text that is scored, at most.
HELD_OUT_STEPS = 50
# The loss of a step is that of every so many blocks.
MEASURED = 8


class Prepared(base.Prepared):
    """The text in stretches, the input table's rows, and what the objective wants to know of the vocabulary."""

    train: windows.Text
    held_out: dict[str, windows.Text]
    inputs: inputs.Words | inputs.Subwords
    objective: negatives.Objective | hierarchical.Objective | full.Objective
    words: tuple[str, ...] = base.static()
    read: int = base.static()  # words of train, those outside of the vocabulary too


Rate = Annotated[float, Range(above=0)]
Cap = Annotated[float, Range(above=0)] | None


@dataclasses.dataclass(frozen=True)
class Word2Vec(base.Trainer):
    """Predicts words from the words around them (Mikolov et al. 2013, arXiv 1301.3781 and 1310.4546)."""

    # Words to each side of a center, at most: each center draws its own reach from 1 .. window.
    window: Annotated[int, Range(min=1)] = 5
    objective: Literal['negatives', 'hierarchical', 'full'] = 'negatives'
    # k, negative words for each pair; and M, those that are drawn for a block of words, which shares them.
    negatives: Annotated[int, Range(min=1)] = 5
    shared: Annotated[int, Range(min=1)] = 32
    block: Annotated[int, Range(min=1)] = 32
    # Characters of n-grams, from the shortest to the longest: fastText. None: words alone.
    min_n: Annotated[int, Range(min=1)] = 3
    max_n: Annotated[int, Range(min=1)] | None = None
    buckets: Annotated[int, Range(min=1)] = 2_000_000
    # A word of frequency f stays in the text with probability sqrt(sample / f) + sample / f. None: all stay.
    sample: Annotated[float, Range(above=0)] | None = 1e-3
    # Of one step, frequent ones that were left out not counted; a multiple of `block`.
    words_per_step: Annotated[int, Range(min=1)] = 4096
    # SGD as word2vec's, or AdaGrad by rows, which 'full' wants. A row with more gradients in a step takes so many times
    # their mean (rows.py); None: their sum, which diverges for frequent words unless steps are small.
    update_rule: rows.Rule = 'sgd'
    cap: Cap = 16.0
    # Falls in a line, as word2vec's does, to so much of itself.
    learning_rate: Rate = 0.025
    final_rate: Annotated[float, Range(min=0, max=1)] = 1e-2
    products: Literal['float32', 'bfloat16'] = 'float32'

    def prepare(self, corpus: Corpus, folder: Path | None = None) -> Prepared:
        count = max(self.words_per_step // ROW, 1)
        row = self.words_per_step // count
        if row * count != self.words_per_step or row % self.block:
            raise ValueError(
                f'words_per_step: got {self.words_per_step}, wanted a multiple of block={self.block} below {ROW}, or '
                f'of {ROW} where {self.block} divides that'
            )
        if self.max_n is not None and self.max_n < self.min_n:
            raise ValueError(f'max_n: got {self.max_n}, wanted at least min_n={self.min_n}')
        cut = functools.partial(windows.cut, corpus, sample=self.sample, rows=count, row=row)
        held_out = {split: cut(split) for split in corpus.tokens if split != 'train' and len(corpus.tokens[split])}
        if self.max_n is None:
            table = inputs.words(len(corpus.words))
        else:
            table = inputs.subwords(corpus.words, self.min_n, self.max_n, self.buckets)
        return Prepared(
            cut('train'), held_out, table, self._objective(corpus.counts_V), corpus.words, corpus.read['train']
        )

    def steps(self, prepared, epochs):
        return max(round(prepared.train.steps * epochs), 1)

    def work(self, prepared):
        return prepared.read / prepared.train.steps

    def rows(self, prepared):
        return prepared.train.rows

    def init(self, prepared, seed):
        """Inputs uniform in ±0.5 / D, in fastText in ±1 / D; outputs 0."""
        reach = (0.5 if self.max_n is None else 1.0) / self.width
        shape = (prepared.inputs.rows, self.width)
        input_VD = jax.random.uniform(streams.key(seed, 'parameters'), shape, minval=-reach, maxval=reach)
        params = dict(input=input_VD, output=jnp.zeros((prepared.objective.outputs, self.width)))
        return params, rows.optimizer_state(self.update_rule, params)

    def batch(self, prepared, seed, step, total):
        return windows.batch(prepared.train, seed, step)

    def rate(self, step, total):
        return self.learning_rate * jnp.maximum(1 - step / total, self.final_rate)

    def update(self, params, opt_state, prepared, batch, rate, over):
        found = windows.windows(prepared.train, batch, self.block, self.window)
        gradients = self._gradients(params, prepared, found, MEASURED)
        params, squares = dict(params), dict.fromkeys(params) | opt_state
        input_BTD = windows.add_halos(self.to_context(found, gradients.vectors_BHD), found.rows, self.window)

        def step(name, update, named):
            ids_N = jnp.concatenate([ids.ravel() for ids, _ in named])
            gradient_ND = jnp.concatenate([gradient.reshape(-1, self.width) for _, gradient in named])
            named = over.all((ids_N, gradient_ND))
            params[name], squares[name] = update(params[name], squares[name], *named, rate, self.cap)

        step('input', prepared.inputs.update, [(found.center_BT, input_BTD)])
        if gradients.sparse:
            step('output', rows.update, gradients.sparse)
        if gradients.dense_VD is not None:
            dense_VD = over.total(gradients.dense_VD)
            params['output'], squares['output'] = rows.update_all(params['output'], squares['output'], dense_VD, rate)
        loss, count = over.total(gradients.loss)
        return params, {name: squares[name] for name in opt_state}, dict(loss=loss / jnp.maximum(count, 1.0))

    def held_out(self, params, prepared, split):
        text = prepared.held_out[split]
        sums = [
            self._held_out(params, prepared, split, jnp.int32(step)) for step in range(min(text.steps, HELD_OUT_STEPS))
        ]
        loss, count = np.sum(np.array(jax.device_get(sums), np.float64), axis=0)
        return float(loss / count) if count else float('nan')

    def vectors(self, params, prepared):
        return inputs.result(prepared.inputs, np.asarray(params['input'], np.float32), prepared.words)

    def pairs(self, found: windows.Windows, x_BCD: jax.Array) -> pairs.Pairs:
        """What predicts the centers, made of the input vectors of the words around a block."""
        raise NotImplementedError

    def to_context(self, found: windows.Windows, gradient_BHD: jax.Array) -> jax.Array:
        """[B, C, D]: what the input vectors get of the gradient of those of `pairs`."""
        raise NotImplementedError

    def _objective(self, counts_V):
        match self.objective:
            case 'negatives':
                return negatives.objective(counts_V, self.negatives, self.shared)
            case 'hierarchical':
                return hierarchical.objective(counts_V)
        return full.objective(counts_V)

    def _gradients(self, params, prepared, found, every):
        x_BCD = prepared.inputs.vectors(params['input'], found.context_BC)
        of = self.pairs(found, x_BCD)._replace(every=every)
        return prepared.objective.gradients(of, params['output'], found.keys_R)

    @functools.partial(jax.jit, static_argnames=('self', 'split'))
    def _held_out(self, params, prepared, split, step):
        # One seed, whatever that of the run, so that all are scored on the same pairs and negative words.
        text = prepared.held_out[split]
        found = windows.windows(text, windows.batch(text, 0, step), self.block, self.window)
        return self._gradients(params, prepared, found, 1).loss
