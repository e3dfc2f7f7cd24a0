"""SCAN: say the actions that a command stands for (Lake and Baroni 2018, arXiv 1711.00350), all that there are.

Split by length as by Kazemnejad et al. 2023 (arXiv 2305.19466): commands of up to 25 actions are trained on, and those
of 26 to 48 tested.
"""

import functools
import hashlib
import itertools
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from posbench.tasks import base, questions, ragged, worded

VERBS = 'walk', 'look', 'run', 'jump'
TURNS, HOW, TIMES, LINKS = ('left', 'right'), ('opposite', 'around'), ('twice', 'thrice'), ('and', 'after')
ACTIONS = *(f'I_{verb.upper()}' for verb in VERBS), 'I_TURN_LEFT', 'I_TURN_RIGHT'
# Longer commands are never trained on.
LONGEST_TRAINED = 25
LONGEST = 48


class Task(worded.Worded):
    """A command of `length` actions is read, and the actions are said.

    Within a length every command is as likely, and in training every command of up to `length` actions, of which few
    are short. Up to 25 actions, a tenth of the commands of each length are for validation and a tenth for testing;
    beyond, a half each. No command has 23 actions, and of those with more than 28 there are some lengths alone.
    """

    part: str = base.constant('train')

    @property
    def words(self) -> tuple[str, ...]:
        """Those of commands, and the actions."""
        return *VERBS, 'turn', *TURNS, *HOW, *TIMES, *LINKS, *ACTIONS

    def check(self, length: int) -> None:
        """ValueError for a number of actions that no command has."""
        lengths = _lengths()
        if length not in lengths:
            near = sorted(sorted(lengths, key=lambda other: abs(other - length))[:2])
            raise ValueError(f'length: no command has {length} actions; the nearest are {near[0]} and {near[1]}.')

    def parts(self, length: int) -> tuple[worded.Parts, worded.Parts]:
        """Two phrases and a link; the actions."""
        return [*((2, words) for words in ((*VERBS, 'turn'), HOW, TURNS, TIMES)), (1, LINKS)], [(length, ACTIONS)]

    def sample(self, rng: jax.Array, batch_size: int, length: int) -> base.Batch:
        """As of any task of questions. ValueError for more actions than are trained on, too."""
        if length > LONGEST_TRAINED:
            raise ValueError(f'length: got {length}, commands of more than {LONGEST_TRAINED} actions are held out.')
        return super().sample(rng, batch_size, length)

    def drawn_length(self, key: jax.Array, length: int) -> jax.Array:
        """That of a command of up to `length` actions, each as likely."""
        _, starts_L = _commands(self.part)
        number = jax.random.randint(key, (), 0, starts_L[length + 1])
        return jnp.searchsorted(jnp.asarray(starts_L), number, side='right') - 1

    def worded(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """A command of the part that is asked for, and what it stands for."""
        commands_NC, starts_L = (jnp.asarray(x) for x in _commands(self.part))
        link, first, second = commands_NC[jax.random.randint(key, (), starts_L[length], starts_L[length + 1])]
        (word_FW, words_F), (action_FA, actions_F) = (_padded(self.words, of) for of in zip(*_phrases()))
        two = (link > 0).astype(jnp.int32)
        between = jnp.asarray(self.numbers(*LINKS))[link - 1][None]
        # What is said after is done before.
        after = link == 1 + LINKS.index('after')
        one, other = jnp.where(after, second, first), jnp.where(after, first, second)
        question_room, answer_room = self.word_rooms(room)
        return questions.Asked(
            *ragged.joined(
                question_room,
                (word_FW[first], words_F[first]),
                (between, two),
                (word_FW[second], words_F[second] * two),
            ),
            *ragged.joined(answer_room, (action_FA[one], actions_F[one]), (action_FA[other], actions_F[other] * two)),
        )

    def held_out(self, split: str, length: int, budget: base.Budget) -> Iterator[tuple[str, base.Batch]]:
        """Commands of the split, drawn one by one: of the rarest lengths the same ones come again."""
        yield from questions.Said.held_out(self.replace(part=split), split, length, budget)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Counted, on commands of the split."""
        return questions.Said.chance(self.replace(part=split), split, length)


@functools.cache
def _phrases() -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """All 102 phrases that a command has one or two of: words and actions."""
    found = []
    for verb, how, turn in itertools.product((*VERBS, 'turn'), (None, *HOW), (None, *TURNS)):
        if turn is None and (how is not None or verb == 'turn'):
            continue
        turned = [f'I_TURN_{turn.upper()}'] if turn else []
        acted = [] if verb == 'turn' else [f'I_{verb.upper()}']
        once = {None: turned + acted, 'opposite': 2 * turned + acted, 'around': 4 * (turned + acted)}[how]
        for times, again in enumerate((None, *TIMES), start=1):
            words = tuple(word for word in (verb, how, turn, again) if word)
            found.append((words, tuple(once * times)))
    return found


@functools.cache
def _commands(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Commands [N, 3] of a part, the shorter ones first, and how many are shorter than each length, [L].

    A command is: the number of its link from 1 on, or 0 if it is a phrase alone; and the numbers of its phrases.
    """
    phrases = _phrases()
    by_length: list[list] = [[] for _ in range(LONGEST + 1)]
    numbers = range(len(phrases))
    alone = ((0, first, 0) for first in numbers)
    for link, first, second in (*alone, *itertools.product(range(1, 1 + len(LINKS)), numbers, numbers)):
        words, actions = phrases[first]
        if link:
            words, actions = (*words, LINKS[link - 1], *phrases[second][0]), (*actions, *phrases[second][1])
        digest = hashlib.blake2b(' '.join(words).encode(), digest_size=8).digest()
        by_length[len(actions)].append((digest, (link, first, second)))
    found = [[command for _, command in sorted(several)] for several in by_length]
    # In the order of their hashes, so that a part is a random one and always the same.
    for length, several in enumerate(found):
        half = len(several) // 2
        tenth = half if length > LONGEST_TRAINED else -(-len(several) // 10)
        ends = dict(validation=(0, tenth), test=(tenth, 2 * tenth), train=(2 * tenth, len(several)))
        start, stop = ends[part]
        found[length] = several[start:stop]
    starts_L = np.cumsum([0, *map(len, found)]).astype(np.int32)
    return np.array([command for several in found for command in several], np.int32), starts_L


@functools.cache
def _lengths() -> frozenset[int]:
    """Numbers of actions that commands have."""
    _, starts_L = _commands('validation')
    return frozenset(np.flatnonzero(np.diff(starts_L)).tolist())


def _padded(words: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> tuple[jax.Array, jax.Array]:
    """Numbers of the words of each row, [N, W], filled up with 0, and how many these are, [N]."""
    sizes_N = np.array([len(row) for row in rows], np.int32)
    numbers_NW = np.zeros((len(rows), sizes_N.max()), np.int32)
    for number, row in enumerate(rows):
        numbers_NW[number, : len(row)] = [words.index(word) for word in row]
    return jnp.asarray(numbers_NW), jnp.asarray(sizes_N)
