"""Where a training example comes from: stretches of the text, thinned of frequent words, and the window of each word.

All of word2vec's habits (Mikolov et al. 2013, arXiv 1310.4546, and its code): frequent words are left out at random
before windows are drawn, a window reaches `b` words to each side with `b` uniform in 1 .. window, and never over a
boundary of the text. A step reads R rows at equal distances in the text, each a stretch that leaves about T words.
"""

import bisect
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from posbench.word_vectors import base
from posbench.word_vectors.corpus import Corpus

# A stretch is cut so short that so many standard deviations of its length still fit into a row. What is kept beyond
# that, fewer than one word in a million, is lost.
MARGIN = 4.0
BATCH = ('start_R', 'stop_R', 'keys_R')


class Text(base.Prepared):
    """One split on the devices. A stretch is tokens_N[start:stop]; those that fill up the last step are empty."""

    tokens_N: np.ndarray  # int32; the first word i of a sentence is ~i; `longest` more at the end
    start_Q: np.ndarray  # int32, Q = R times the steps of an epoch, in the order of the text
    stop_Q: np.ndarray
    kept_V: np.ndarray  # float32, the probability that a word stays in the text
    rows: int = base.static()
    row: int = base.static()
    longest: int = base.static()

    @property
    def steps(self) -> int:
        """Steps of one epoch."""
        return len(self.start_Q) // self.rows


class Windows(NamedTuple):
    """B blocks of T words each, and the C = T + 2 window words around them. Padding has number 0 and no window."""

    center_BT: jax.Array  # int32
    context_BC: jax.Array  # int32
    inside_BTC: jax.Array  # bool: the word is in the window of that center
    keys_R: jax.Array  # for what else is drawn for the blocks of a row

    @property
    def rows(self) -> int:
        """R: B is R times the blocks of one row."""
        return len(self.keys_R)


def kept(counts_V: np.ndarray, sample: float | None) -> np.ndarray:
    """float32 [V]: sqrt(t/f) + t/f, at most 1, for a word of frequency f, as word2vec's code has it; None keeps all."""
    if sample is None:
        return np.ones(len(counts_V), np.float32)
    ratio_V = sample * counts_V.sum() / counts_V
    return np.minimum(np.sqrt(ratio_V) + ratio_V, 1.0).astype(np.float32)


def cut(corpus: Corpus, split: str, sample: float | None, rows: int, row: int) -> Text:
    """A split in stretches of about `row` words that stay. ValueError, one line, where it has no words."""
    tokens_N, kept_V = corpus.tokens[split], kept(corpus.counts_V, sample)
    if not len(tokens_N):
        raise ValueError(f'{split}: got a text without a word of the vocabulary, wanted at least one')
    kept_N = kept_V[np.where(tokens_N < 0, ~tokens_N, tokens_N)].astype(np.float64)
    mean_N = np.concatenate([[0.0], np.cumsum(kept_N)])
    variance_N = np.concatenate([[0.0], np.cumsum(kept_N * (1 - kept_N))])
    cuts = [0]
    while cuts[-1] < len(tokens_N):
        at = cuts[-1]

        def filled(stop, at=at):
            return mean_N[stop] - mean_N[at] + MARGIN * np.sqrt(variance_N[stop] - variance_N[at])

        last = bisect.bisect_right(range(len(tokens_N) + 1), row, lo=at, key=filled) - 1
        cuts.append(max(last, at + 1))
    stretches = len(cuts) - 1
    cuts += [len(tokens_N)] * (-stretches % rows)
    longest = int(np.diff(cuts).max())
    padded_N = np.concatenate([tokens_N, np.zeros(longest, np.int32)])
    places = np.array(cuts, np.int32)
    return Text(padded_N, places[:-1], places[1:], kept_V, rows, row, longest)


def batch(text: Text, seed: jax.Array, step: jax.Array) -> dict[str, jax.Array]:
    """The stretches of a step, and the key of each: R readers, who begin each epoch somewhere else in their part."""
    row_R = jnp.arange(text.rows, dtype=jnp.int32)
    first = jax.random.randint(base.batch_key(seed, step // text.steps, text.rows), (), 0, text.steps)
    stretch_R = row_R * text.steps + (first + step) % text.steps
    keys_R = jax.vmap(lambda row: jax.random.key_data(base.batch_key(seed, step, row)))(row_R)
    return dict(start_R=text.start_Q[stretch_R], stop_R=text.stop_Q[stretch_R], keys_R=keys_R)


def windows(text: Text, batch: dict[str, jax.Array], block: int, reach: int) -> Windows:
    """The windows of the rows of a batch, for centers in blocks of `block`, which divides the words of a row."""

    def of_one_row(start, stop, key):
        keep_key, window_key, other_key = jax.random.split(jax.random.wrap_key_data(key), 3)
        tokens_L = jax.lax.dynamic_slice_in_dim(text.tokens_N, start, text.longest)
        is_first_L = tokens_L < 0
        words_L = jnp.where(is_first_L, ~tokens_L, tokens_L)
        there_L = jnp.arange(text.longest) < stop - start
        kept_L = there_L & (jax.random.uniform(keep_key, (text.longest,)) < text.kept_V[words_L])
        place_L = jnp.where(kept_L, jnp.cumsum(kept_L) - 1, text.row)
        words_T = jnp.zeros(text.row, jnp.int32).at[place_L].set(words_L, mode='drop')
        # Sentences are numbered from 1 on before words are left out; 0 is padding, which is in no window.
        sentence_T = jnp.zeros(text.row, jnp.int32).at[place_L].set(jnp.cumsum(is_first_L) + 1, mode='drop')
        return words_T, sentence_T, jax.random.randint(window_key, (text.row,), 1, reach + 1), other_key

    words_RT, sentence_RT, window_RT, keys_R = jax.vmap(of_one_row)(*(batch[name] for name in BATCH))
    context_BC, around_BC = _with_halo(words_RT, block, reach), _with_halo(sentence_RT, block, reach)
    sentence_BT, window_BT = sentence_RT.reshape(-1, block), window_RT.reshape(-1, block)
    distance_TC = jnp.abs(jnp.arange(block + 2 * reach)[None, :] - reach - jnp.arange(block)[:, None])
    same_BTC = (sentence_BT[:, :, None] == around_BC[:, None, :]) & (sentence_BT > 0)[:, :, None]
    inside_BTC = same_BTC & (distance_TC > 0)[None] & (distance_TC[None] <= window_BT[:, :, None])
    return Windows(words_RT.reshape(-1, block), context_BC, inside_BTC, keys_R)


def _with_halo(x_RT: jax.Array, block: int, reach: int) -> jax.Array:
    """[B, C]: each block of a row with `reach` places on either side, 0 outside of the row."""
    starts = jnp.arange(x_RT.shape[1] // block) * block
    places = starts[:, None] + jnp.arange(block + 2 * reach)[None, :]
    return jnp.pad(x_RT, ((0, 0), (reach, reach)))[:, places].reshape(-1, block + 2 * reach)


def add_halos(x_BCD: jax.Array, rows: int, reach: int) -> jax.Array:
    """[B, T, D]: what the blocks of a row say of each of its words, added up; the other way of `context_BC`."""
    x_RNCD = x_BCD.reshape(rows, -1, *x_BCD.shape[1:])
    left_RNWD, middle_RNTD, right_RNWD = jnp.split(x_RNCD, [reach, x_RNCD.shape[2] - reach], axis=2)
    blank = ((0, 0), (0, 0), (0, middle_RNTD.shape[2] - reach), (0, 0))
    # The end of a block hears from the next one, its start from the one before.
    of_next = jnp.pad(left_RNWD[:, 1:], ((0, 0), (0, 1), blank[2][::-1], (0, 0)))
    of_last = jnp.pad(right_RNWD[:, :-1], ((0, 0), (1, 0), blank[2], (0, 0)))
    return (middle_RNTD + of_next + of_last).reshape(-1, *middle_RNTD.shape[2:])
