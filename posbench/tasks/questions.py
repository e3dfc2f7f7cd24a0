"""Tasks that are a question and its answer: symbols are read, others are to be said. One function makes both.

A subclass called Task, of `Said` for decoders or of `Blanks` for encoders, with `alphabet`, `rooms` and `asked`:
batches, metrics, chance, held-out data and examples follow from these.

A row asks for `length` in the task's own sense (digits, items, pairs) and is longer as a sequence of tokens, `tokens`.
Arrays have room for more: what is asked depends on the key and on how much is asked, and not on the room, so that a few
compiled shapes do for all lengths.
"""

import functools
import math
from collections.abc import Iterator
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from posbench import streams
from posbench.tasks import base, generated, ragged

COUNTED = 8192  # rows from which a predictor that knows places alone is learned, and as many to score it on
AT_ONCE = 1024


class Asked(NamedTuple):
    """The first `size` symbols of prompt_P are the question, the first `said` ones of answer_A the answer. int32.

    scored: how many of these count, from the first; None: all.
    """

    prompt_P: jax.Array
    size: jax.Array | int
    answer_A: jax.Array
    said: jax.Array | int
    scored: jax.Array | int | None = None


class Question(base.Task):
    """Base of both kinds. In training the length of each row is drawn up to `length`; held out it is `length`."""

    metrics: ClassVar[dict[str, base.Metric]] = {
        'exact_match': base.Metric('of answers', 'higher', decides=True, share=True),
        'token_accuracy': base.Metric('of tokens of answers', 'higher', share=True),
        'loss': base.Metric('nats per token of an answer', 'lower'),
    }
    guess: ClassVar[str] = 'the commonest token of each place of an answer to a question of that length, on other ones'
    # The shortest length that can be asked.
    shortest: ClassVar[int] = 1

    @property
    def alphabet(self) -> int:
        """Symbols of questions and answers, 0 to alphabet - 1."""
        raise NotImplementedError

    def rooms(self, length: int) -> tuple[int, int]:
        """The most symbols of a question, and of an answer, of any length up to this one."""
        raise NotImplementedError

    def asked(self, key: jax.Array, room: int, length: jax.Array | int) -> Asked:
        """A question of `length` and its answer, in arrays of the sizes `rooms(room)`. Traced; `length` may be too.

        Nothing may depend on `room`. jax.random draws the same numbers at the beginning of a longer array as of a
        shorter one, and of [R, K] those of the first rows; jax.random.permutation does not: sort random numbers.
        """
        raise NotImplementedError

    def drawn_length(self, key: jax.Array, length: int) -> jax.Array:
        """How much a row of training asks, from `shortest` to `length`, evenly. Traced."""
        return jax.random.randint(key, (), self.shortest, length + 1)

    def row(self, asked: Asked) -> dict[str, jax.Array]:
        """One row of a batch, [L] each."""
        raise NotImplementedError

    def sample(self, rng: jax.Array, batch_size: int, length: int) -> base.Batch:
        """inputs_BL, targets_BL, segment_ids_BL (int32), weights_BL (float32). ValueError for one below `shortest`."""
        self.check(length)

        def row(key):
            length_key, key = jax.random.split(key)
            return self.row(self.asked(key, length, self.drawn_length(length_key, length)))

        return batched(jax.vmap(row)(jax.random.split(rng, batch_size)))

    def held_out(self, split: str, length: int, budget: base.Budget) -> Iterator[tuple[str, base.Batch]]:
        """Questions of exactly `length`, of every protocol."""
        self.check(length)
        room = budget.room(length)
        tokens = self.tokens(length), self.tokens(room)
        for number, protocol in enumerate(self.protocols):
            task = self.of_protocol(protocol)
            where = dict(split=split, protocol=number, length=length, budget=budget, tokens=tokens)
            for batch in generated.held_out(task.of_length, room, of=length, **where):
                yield protocol, batch

    def of_protocol(self, protocol: str) -> 'Question':
        """The task that a protocol's questions are made by; with several protocols, one with other options."""
        return self

    def of_length(self, keys_B: jax.Array, room: int, length: jax.Array | int) -> base.Batch:
        """A question of `length` for each key, with room for longer ones. Traced."""
        return batched(jax.vmap(lambda key: self.row(self.asked(key, room, length)))(keys_B))

    def check(self, length: int) -> None:
        """ValueError for a length that cannot be asked."""
        if length < self.shortest:
            raise ValueError(f'length: got {length}, wanted at least {self.shortest}.')

    def loss(self, outputs: jax.Array, batch: base.Batch) -> tuple[jax.Array, jax.Array]:
        """Nats of the answers, each token after the right ones before it."""
        return generated.loss(outputs, batch)

    def score(self, outputs: jax.Array, batch: base.Batch) -> base.Sums:
        """Right tokens by `place`, answers that are right as a whole, nats; NaN where logits are NaN.

        An answer is right as a whole if each of its tokens is the likeliest one after the right ones before it, which
        is to say, if greedy decoding gives it.
        """
        scored_BL = batch['weights_BL'] > 0
        right_BL = (outputs.argmax(axis=-1) == batch['targets_BL']).astype(jnp.float32)
        # The place of a NaN would pass for the largest one, and so for an answer.
        right_BL = jnp.where(jnp.isnan(outputs).any(axis=-1), jnp.nan, right_BL)
        right_BL = jnp.where(scored_BL, right_BL, 0.0)
        row_B = scored_BL.any(axis=1)
        exact_B = jnp.where(row_B, jnp.where(scored_BL, right_BL, 1.0).prod(axis=1), 0.0)
        place_BL = self.place(batch)
        empty_L = jnp.zeros(scored_BL.shape[1])
        return dict(
            right_A=empty_L.at[place_BL].add(right_BL),
            tokens_A=empty_L.at[place_BL].add(scored_BL.astype(jnp.float32)),
            exact=exact_B.sum(),
            rows=row_B.astype(jnp.float32).sum(),
            nats=self.loss(outputs, batch)[0],
        )

    def place(self, batch: base.Batch) -> jax.Array:
        """[B, L], what `places` counts each token of an answer by: its place in the answer. Traced."""
        return jnp.maximum(jnp.cumsum(batch['weights_BL'] > 0, axis=1) - 1, 0)

    def values(self, sums: base.Sums) -> dict[str, float]:
        """exact_match (of answers), token_accuracy and loss (of tokens of answers)."""
        rows, tokens = float(sums['rows']) or math.nan, float(np.sum(sums['tokens_A'])) or math.nan
        return dict(
            exact_match=float(sums['exact']) / rows,
            token_accuracy=float(np.sum(sums['right_A'])) / tokens,
            loss=float(sums['nats']) / tokens,
        )

    def places(self, sums: base.Sums) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Accuracy by `place`."""
        count = int(np.max(np.nonzero(sums['tokens_A']), initial=0)) + 1
        return {'token_accuracy': (sums['right_A'][:count], sums['tokens_A'][:count])}

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Of saying at each place of the answer what stands there most often, learned on 8,192 questions of that length
        and scored on as many others.
        """
        self.check(length)
        return dict(_chance(self, length))

    def example(self, batch: base.Batch, row: int, said: np.ndarray) -> str:
        """The question, the answer, and what the model said."""
        scored_L = batch['weights_BL'][row] > 0
        read_L = (batch['segment_ids_BL'][row] >= 0) & (np.cumsum(scored_L) == 0)
        parts = dict(read=batch['inputs_BL'][row][read_L], wanted=batch['targets_BL'][row][scored_L])
        parts['said'] = np.asarray(said)[scored_L]
        return '\n'.join(f'{name:7} {" ".join(map(self.letter, tokens))}' for name, tokens in parts.items())

    def letter(self, token: int) -> str:
        """How a token is written in an example."""
        return str(token)


class Said(Question):
    """For decoders: a begin token, the question, a token that asks, the answer, an end. The answer alone is trained on.

    `says_end`: whether the end is said too; not where all answers of a length have as many tokens.
    """

    protocols: ClassVar[dict[str, str]] = {
        'decoded': 'answers to questions of that length, the likeliest token said one after the other'
    }
    next_token: ClassVar[bool] = True
    says_end: ClassVar[bool] = True

    @property
    def begin(self) -> int:
        """What is read first."""
        return self.alphabet

    @property
    def asks(self) -> int:
        """What stands between question and answer."""
        return self.alphabet + 1

    @property
    def end(self) -> int:
        """What is said after the answer, and stands where a row is filled up."""
        return self.alphabet + 2

    @property
    def vocabulary(self) -> int:
        """The symbols, the begin, what asks, and the end."""
        return self.alphabet + 3

    def tokens(self, length: int) -> int:
        """Of the longest row: what is read up to the last token but one of the answer and its end."""
        return sum(self.rooms(length)) + 2

    def row(self, asked: Asked) -> dict[str, jax.Array]:
        """What is read is the whole sequence, what is said at each place the token that follows it."""
        place_L = jnp.arange(len(asked.prompt_P) + len(asked.answer_A) + 3)
        start = asked.size + 2
        stop = start + asked.said
        sequence_L = jnp.select(
            [place_L == 0, place_L < start - 1, place_L == start - 1, place_L < stop],
            [
                jnp.full_like(place_L, self.begin),
                asked.prompt_P[jnp.clip(place_L - 1, 0, len(asked.prompt_P) - 1)],
                jnp.full_like(place_L, self.asks),
                asked.answer_A[jnp.clip(place_L - start, 0, len(asked.answer_A) - 1)],
            ],
            self.end,
        ).astype(jnp.int32)
        place_L, last = place_L[:-1], stop + int(self.says_end) - 1
        return dict(
            inputs_L=sequence_L[:-1],
            targets_L=sequence_L[1:],
            segment_ids_L=jnp.where(place_L < last, 0, -1),
            weights_L=((place_L >= start - 1) & (place_L < last)).astype(jnp.float32),
        )

    def letter(self, token: int) -> str:
        """The begin, what asks and the end as ^ ? and a full stop."""
        return {self.begin: '^', self.asks: '?', self.end: '.'}.get(int(token)) or self.symbol(int(token))

    def symbol(self, token: int) -> str:
        """How a symbol is written."""
        return str(token)


class Blanks(Question):
    """For encoders: the question and, in the place of the answer, as many empty tokens, at which it is said.

    As in Ruoss et al. 2023 (arXiv 2305.16843), whose score is the accuracy of tokens.

    `pairs`: a row of training has two questions, each for itself, whose lengths make up one sum: rows are about as long
    as for one, and half of them do. Lengths are drawn as evenly as without.
    """

    metrics: ClassVar[dict[str, base.Metric]] = {
        'token_accuracy': base.Metric('of tokens of answers', 'higher', decides=True, share=True),
        'exact_match': base.Metric('of answers', 'higher', share=True),
        'loss': base.Metric('nats per token of an answer', 'lower'),
    }
    protocols: ClassVar[dict[str, str]] = {'filled': 'every token of the answers to questions of that length'}
    pairs: bool = base.option(False)

    def sample(self, rng: jax.Array, batch_size: int, length: int) -> base.Batch:
        """As without `pairs`; with them the second question of a row is of segment 1."""
        if not self.pairs:
            return super().sample(rng, batch_size, length)
        self.check(length)
        both = self.shortest + length
        room = max(self.tokens(one) + self.tokens(both - one) for one in range(self.shortest, length + 1))

        def row(key):
            length_key, *keys = jax.random.split(key, 3)
            drawn = self.drawn_length(length_key, length)
            rows = [self.row(self.asked(key, length, asks)) for key, asks in zip(keys, (drawn, both - drawn))]
            return ragged.one_row(room, rows, dict(inputs_L=self.empty, segment_ids_L=-1))

        return batched(jax.vmap(row)(jax.random.split(rng, batch_size)))

    @property
    def empty(self) -> int:
        """What stands where the answer goes, and where a row is filled up."""
        return self.alphabet

    @property
    def vocabulary(self) -> int:
        """The symbols and the empty one."""
        return self.alphabet + 1

    def tokens(self, length: int) -> int:
        """Of the longest row: question and answer."""
        return sum(self.rooms(length))

    def row(self, asked: Asked) -> dict[str, jax.Array]:
        """The question and its blanks."""
        place_L = jnp.arange(len(asked.prompt_P) + len(asked.answer_A))
        stop = asked.size + asked.said
        scored = asked.said if asked.scored is None else asked.scored
        symbols_L = asked.prompt_P[jnp.minimum(place_L, len(asked.prompt_P) - 1)]
        answer_L = asked.answer_A[jnp.clip(place_L - asked.size, 0, len(asked.answer_A) - 1)]
        blank_L = (place_L >= asked.size) & (place_L < stop)
        return dict(
            inputs_L=jnp.where(place_L < asked.size, symbols_L, self.empty).astype(jnp.int32),
            targets_L=jnp.where(blank_L, answer_L, 0).astype(jnp.int32),
            segment_ids_L=jnp.where(place_L < stop, 0, -1),
            weights_L=(blank_L & (place_L < asked.size + scored)).astype(jnp.float32),
        )

    def letter(self, token: int) -> str:
        """The empty one as a line."""
        return '_' if token == self.empty else str(token)


def batched(rows: dict[str, jax.Array]) -> base.Batch:
    """Rows of a batch under the names that a batch has for them."""
    return {name.replace('_L', '_BL'): x for name, x in rows.items()}


@functools.lru_cache(maxsize=1024)
def _chance(task: Question, length: int) -> tuple[tuple[str, float], ...]:
    learned, others = (_answers(task, length, number) for number in (0, 1))
    places = max(answers.shape[1] for answers, _ in (learned, others))
    # One of each token more than there are, so that no token is impossible.
    counts_AV = np.ones((places, task.vocabulary))
    answers_NA, said_NA = learned
    np.add.at(counts_AV, (np.nonzero(said_NA)[1], answers_NA[said_NA]), 1)
    commonest_A = counts_AV.argmax(axis=1)
    nats_AV = -np.log(counts_AV / counts_AV.sum(axis=1, keepdims=True))
    answers_NA, said_NA = others
    right_NA = answers_NA == commonest_A[: answers_NA.shape[1]]
    place_N = np.nonzero(said_NA)[1]
    return (
        ('exact_match', float((right_NA | ~said_NA).all(axis=1).mean())),
        ('token_accuracy', float(right_NA[said_NA].mean())),
        ('loss', float(nats_AV[place_N, answers_NA[said_NA]].mean())),
    )


def _answers(task: Question, length: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Answers [N, A] to questions that no batch has, their tokens moved to the beginning, and which are tokens."""
    key = jax.random.fold_in(streams.key(0, 'held_out', 2), number)
    found = []
    for start in range(0, COUNTED, AT_ONCE):
        batch = _made(task, key, jnp.arange(start, start + AT_ONCE), length)
        found.append((np.asarray(batch['targets_BL']), np.asarray(batch['weights_BL']) > 0))
    targets_NL, scored_NL = (np.concatenate(parts) for parts in zip(*found))
    order_NL = np.argsort(~scored_NL, axis=1, kind='stable')[:, : scored_NL.sum(axis=1).max()]
    return tuple(np.take_along_axis(x, order_NL, axis=1) for x in (targets_NL, scored_NL))


@functools.partial(jax.jit, static_argnums=(0, 3))
def _made(task, key, numbers_N, length) -> base.Batch:
    return task.of_length(jax.vmap(jax.random.fold_in, (None, 0))(key, numbers_N), length, length)
