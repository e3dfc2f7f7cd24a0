"""Next-token prediction on windows of a text, cut at random places.

It is scored by the two protocols that the literature confuses. Windows: the text is cut into windows of L tokens and
every token counts, so that early tokens of a window have little context. Sliding: only the last tokens of a window of L
tokens count, and those tokens are the same at every L. ALiBi's gains with L under the first protocol come from fewer
early tokens (Press et al. 2022, arXiv 2108.12409, appendix B), which only the second one shows.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax

from posbench.datasets.text import Text
from posbench.knobs import Range
from posbench.positions import documents
from posbench.tasks import base
from posbench.tasks.text import padded


class Task(base.Task):
    """Windows of a stream of tokens.

    separate_documents: attention and positions stay within a document; for texts of many short ones.
    stride: last tokens that a sliding window scores.
    on_device: the training tokens live on the device, so that many steps run in one call; else the host cuts windows.
    """

    reads: ClassVar[str] = 'text'
    reads_texts: ClassVar[bool] = True
    next_token: ClassVar[bool] = True
    metrics: ClassVar[dict[str, base.Metric]] = {
        'loss': base.Metric('nats per token', 'lower'),
        'perplexity': base.Metric('per token', 'lower'),
        'bits_per_character': base.Metric('bits per character', 'lower', decides=True),
    }
    protocols: ClassVar[dict[str, str]] = {
        'windows': 'non-overlapping windows of that length, every token scored',
        'sliding': 'a sliding window of that length, only its last tokens scored: the same targets at every length',
    }
    labels: ClassVar[dict[str, str]] = {'sliding': 'last tokens'}
    guess: ClassVar[str] = 'a unigram model, on the whole split: also on the tokens that no model is scored on'

    tokens_N: jax.Array  # of the training text, int32
    characters_V: jax.Array | None = None  # that each token stands for
    text: Text | None = base.constant(None)
    separate_documents: bool = base.option(False)
    stride: Annotated[int, Range(min=1)] = base.option(32)
    on_device: bool = base.option(True)

    @classmethod
    def from_dataset(cls, dataset: Text, **options) -> 'Task':
        """The task on a text, with the training tokens as they lie on the disk."""
        return cls(dataset.tokens['train'], np.asarray(dataset.characters_V), dataset, **options)

    @property
    def vocabulary(self) -> int:
        """Ids of the tokenizer, the end of a document among them."""
        return self.text.vocabulary

    @property
    def boundary(self) -> int | None:
        """The end of a document, where documents are kept apart."""
        return self.text.end_of_document if self.separate_documents else None

    def title(self, name: str) -> str:
        """Of the text, not of the file that this is."""
        return f'{name.partition("/")[0]}/{self.text.name}'

    def sample(self, rng: jax.Array, batch_size: int, length: int) -> base.Batch:
        """inputs_BL, targets_BL (int32), weights_BL (float32), and segment_ids_BL where documents are kept apart."""
        start_B = self.draw(rng, batch_size, length)
        place_BL = start_B[:, None] + jnp.arange(length + 1, dtype=jnp.int32)
        return self.batch_of(jnp.asarray(self.tokens_N)[place_BL])

    @property
    def from_host(self) -> bool:
        """Whether windows are cut on the host."""
        return not self.on_device

    def draw(self, rng: jax.Array, batch_size: int, length: int) -> jax.Array:
        """First tokens of the windows, int32 [B], uniform over all places where a window and its last target fit."""
        if self.tokens_N.shape[0] <= length:
            raise ValueError(
                f'config.train.length: got {length}, wanted at most {self.tokens_N.shape[0] - 1}, because the text of '
                f'train has {self.tokens_N.shape[0]} tokens, and a window needs one more than its length'
            )
        return jax.random.randint(rng, (batch_size,), 0, self.tokens_N.shape[0] - length, dtype=jnp.int32)

    def cut(self, start_B: np.ndarray, length: int) -> np.ndarray:
        """Windows of length + 1 tokens at these places, cut on the host; any axes may come first."""
        return np.asarray(self.tokens_N[start_B[..., None] + np.arange(length + 1)], np.int32)

    def without_host_data(self) -> 'Task':
        """This task without the tokens that only the host reads."""
        return self.replace(tokens_N=np.zeros(1, np.int32)) if self.from_host else self

    def batch_of(self, window_BL: jax.Array) -> base.Batch:
        """A batch out of windows of length + 1 tokens."""
        xp = np if isinstance(window_BL, np.ndarray) else jnp
        inputs_BL, targets_BL = window_BL[:, :-1], window_BL[:, 1:]
        batch = dict(inputs_BL=inputs_BL, targets_BL=targets_BL, weights_BL=xp.ones(targets_BL.shape, xp.float32))
        if self.boundary is not None:
            batch['segment_ids_BL'] = documents.numbered(inputs_BL, self.boundary)
            # The first token of the next document cannot be told from this one.
            batch['weights_BL'] = (inputs_BL != self.boundary).astype(xp.float32)
        return batch

    def held_out(self, split: str, length: int, budget: base.Budget) -> Iterator[tuple[str, base.Batch]]:
        """Both protocols. Sliding windows end at places spread evenly over the text, the same ones at every length.

        A sliding window that is shorter than the stride is left out: it cannot score these tokens. So is one that is
        longer than the longest of the budget.
        """
        tokens_N = self.text.tokens[split]
        count = _fit(len(tokens_N) - 1, length, budget.tokens)
        yield from self._batches('windows', tokens_N, np.arange(count) * length, length, length, budget)
        if self.stride <= length <= budget.longest:
            count = _fit(len(tokens_N) - 1, budget.longest, budget.tokens)
            end_W = np.linspace(budget.longest, len(tokens_N) - 1, count).astype(np.int64)
            yield from self._batches('sliding', tokens_N, end_W - length, length, self.stride, budget)

    def _batches(self, protocol: str, tokens_N, start_W, length: int, last: int, budget: base.Budget):
        rows = budget.rows(length)
        for first in range(0, len(start_W), rows):
            start_B = start_W[first : first + rows]
            batch = self.batch_of(np.asarray(tokens_N[start_B[:, None] + np.arange(length + 1)], np.int32))
            batch['weights_BL'] = batch['weights_BL'] * (np.arange(length) >= length - last)
            yield protocol, base.filled(batch, rows)

    def loss(self, outputs: jax.Array, batch: base.Batch) -> tuple[jax.Array, jax.Array]:
        """Nats of the targets."""
        nats_BL = optax.softmax_cross_entropy_with_integer_labels(outputs, batch['targets_BL'])
        return (nats_BL * batch['weights_BL']).sum(), batch['weights_BL'].sum()

    def score(self, outputs: jax.Array, batch: base.Batch) -> base.Sums:
        """Nats, targets and characters by place in the window."""
        nats_BL = optax.softmax_cross_entropy_with_integer_labels(outputs, batch['targets_BL'])
        weights_BL = batch['weights_BL']
        characters_BL = self.characters_V[batch['targets_BL']] * weights_BL
        # A target that is not scored may be past a table, where there is only NaN.
        nats_BL = jnp.where(weights_BL > 0, nats_BL * weights_BL, 0.0)
        return dict(
            nats_L=nats_BL.sum(axis=0), weights_L=weights_BL.sum(axis=0), characters_L=characters_BL.sum(axis=0)
        )

    def values(self, sums: base.Sums) -> dict[str, float]:
        """loss (nats a token), perplexity (of a token), bits_per_character."""
        nats, tokens, characters = (float(np.sum(sums[name])) for name in ('nats_L', 'weights_L', 'characters_L'))
        loss = nats / tokens if tokens else math.nan
        return dict(
            loss=loss,
            perplexity=math.exp(min(loss, 700.0)),
            bits_per_character=nats / math.log(2) / characters if characters else math.nan,
        )

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Of a unigram model, in the same units."""
        baselines = self.text.baselines[split]
        loss = baselines['unigram_tokens_nats']
        return dict(loss=loss, perplexity=math.exp(loss), bits_per_character=baselines['unigram'])

    def places(self, sums: base.Sums) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Loss by place in the window."""
        return {'loss': (sums['nats_L'], sums['weights_L'])}

    def baselines(self, split: str) -> dict[str, dict[str, float]]:
        """n-gram models of characters, trained on the same text."""
        values = self.text.baselines[split]
        return {name: dict(bits_per_character=values[name]) for name in ('unigram', '5-gram')}

    def encode(self, text: str) -> np.ndarray:
        """Token ids of a text."""
        return self.text.tokenizer.encode(text)

    def read_texts(self, texts: Sequence[str], length: int) -> base.Batch:
        """See base.py."""
        return padded.of_texts(texts, self.text.tokenizer, length)

    @property
    def spelled(self) -> list[str]:
        """The text of every token."""
        return [self.decode([token]) for token in range(self.vocabulary)]

    def decode(self, tokens_N: np.ndarray) -> str:
        """The text of token ids."""
        return self.text.tokenizer.decode(tokens_N)


def _fit(available: int, length: int, tokens: int | None) -> int:
    """How many windows of `length` there are in the text and in the budget; ValueError if there is none."""
    budget = available if tokens is None else min(available, tokens)
    count = budget // length
    if count == 0:
        limit = '' if tokens is None else f' and config.evaluate.tokens = {tokens}'
        raise ValueError(
            f'Evaluation at length {length}: got {available} tokens of text{limit}, wanted at least one window.'
        )
    return count
