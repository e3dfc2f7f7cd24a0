"""The Chomsky tasks draw what a recursion and Python's integers would draw, and chance is that of all that may come."""

import collections
import functools
import itertools
import math

import jax
import numpy as np
import pytest

from posbench import tasks
from posbench.tasks.chomsky import binary, brackets
from tests.tasks import contract, oracles, small


def made(name, length, rows, room=None):
    """Questions of that length, as they are held out."""
    task = tasks.build(f'chomsky/{name}')
    of_length = jax.jit(task.of_length, static_argnums=1)
    return task, small.numpy(of_length(jax.random.split(jax.random.key(0), rows), room or length, length))


@pytest.mark.parametrize('name', ['binary_addition', 'binary_multiplication', 'compute_sqrt'])
def test_numbers_of_500_bits_are_exact(name):
    for length in (499, 500):
        task, batch = made(name, length, 20, room=500)
        contract.agrees(task, batch, None, f'{name} of {length} bits')


def test_numbers_are_all_equally_likely_but_for_0():
    bits_NP = np.asarray(jax.vmap(lambda key: binary.number(key, 5, 3))(jax.random.split(jax.random.key(0), 7000)))
    assert not bits_NP[:, 3:].any()
    close(bits_NP[:, :3] @ [1, 2, 4], dict.fromkeys(range(1, 8), 1 / 7))


def test_every_second_bit_comes_first():
    """As `jnp.concatenate([s[1::2], s[::2]])` in the authors' code, and not as in its docstring."""
    _, batch = made('odds_first', 7, 3)
    read_BL, said_BL = batch['inputs_BL'][:, :7], batch['targets_BL'][:, 7:]
    np.testing.assert_array_equal(said_BL, np.concatenate([read_BL[:, 1::2], read_BL[:, ::2]], axis=1))


@functools.cache
def shapes(length, operators):
    """Every expression, d for its digits, and how likely the authors' recursion gives it."""
    if length < 5:
        return {('d', '-d', '(d)', '(-d)')[length - 1]: 1.0}
    found = collections.Counter()
    for left in range(1, length - 3):
        for (one, p), (other, q) in itertools.product(
            shapes(left, operators).items(), shapes(length - left - 3, operators).items()
        ):
            for operator in operators:
                found[f'({one}{operator}{other})'] += p * q / (length - 4) / len(operators)
    return dict(found)


def close(drawn, wanted):
    """As often as they should be, by Pearson's statistic: five standard deviations of it."""
    counts = collections.Counter(drawn)
    assert set(counts) <= set(wanted)
    total = sum(counts.values())
    statistic = sum((counts[one] - total * p) ** 2 / (total * p) for one, p in wanted.items())
    freedom = len(wanted) - 1
    assert statistic < freedom + 5 * math.sqrt(2 * freedom), (statistic, freedom)


def written(row, symbols):
    return ''.join('d' if symbol < 5 else symbols[symbol - 5] for symbol in row)


def test_expressions_are_as_likely_as_a_recursion_makes_them():
    _, batch = made('modular_arithmetic_brackets', 10, 20_000)
    rows = batch['inputs_BL'][:, :10]
    close([written(row, '+-*()') for row in rows], shapes(10, '+-*'))
    digits = rows[rows < 5]
    close(digits.tolist(), dict.fromkeys(range(5), 1 / 5))


def test_long_expressions_are_cut_anywhere():
    _, batch = made('modular_arithmetic_brackets', 24, 10_000, room=40)
    lefts = []
    for row in batch['inputs_BL'][:, :24]:
        text, depth = written(row, '+-*()'), 0
        for place, symbol in enumerate(text):
            depth += {'(': 1, ')': -1}.get(symbol, 0)
            if depth == 1 and symbol in '+-*' and place > 1 and text[place - 1] in 'd)':
                lefts.append(place - 1)
    close(lefts, dict.fromkeys(range(1, 21), 1 / 20))


def test_a_hidden_digit_is_the_first_from_any_place_on():
    _, batch = made('solve_equation', 12, 20_000)
    wanted = collections.Counter()
    for text, p in shapes(10, '+-').items():
        for start in range(10):
            place = next(place % 10 for place in range(start, start + 10) if text[place % 10] == 'd')
            wanted[f'{text[:place]}x{text[place + 1 :]}=d'] += p / 10
    close([written(row, '+-()x=') for row in batch['inputs_BL'][:, :12]], wanted)


def strings(symbols, length):
    return [(list(row), 1 / symbols**length) for row in itertools.product(range(symbols), repeat=length)]


def sums(length):
    """Digits at even places, operators at odd ones."""
    choices = [range(5) if place % 2 == 0 else range(5, 8) for place in range(length)]
    return [(list(row), 1 / math.prod(map(len, choices))) for row in itertools.product(*choices)]


def stacks(length):
    for size in range(1, length):
        choices = [range(2)] * size + [range(2, 5)] * (length - size)
        for row in itertools.product(*choices):
            yield list(row), 1 / (length - 1) / 2**size / 3 ** (length - size)


def additions(length):
    for size in range(1, length - 1):
        parts = [[row for row in itertools.product((0, 1), repeat=n) if any(row)] for n in (size, length - 1 - size)]
        for one, other in itertools.product(*parts):
            yield [*one, 2, *other], 1 / (length - 2) / len(parts[0]) / len(parts[1])


def numbers(length):
    return [(row, 1 / (2**length - 1)) for row, _ in strings(2, length) if any(row)]


def expressions(length):
    for text, p in shapes(length, '+-*').items():
        for digits in itertools.product(range(5), repeat=text.count('d')):
            left = iter(digits)
            row = [next(left) if symbol == 'd' else 5 + '+-*()'.index(symbol) for symbol in text]
            yield row, p / 5 ** len(digits)


ALL = {
    'even_pairs': [(strings(2, n), n) for n in (1, 4)],
    'parity_check': [(strings(2, 4), 4)],
    'cycle_navigation': [(strings(3, 4), 4)],
    'modular_arithmetic': [(sums(5), 6)],
    'stack_manipulation': [(stacks(5), 5), (stacks(2), 2), (strings(2, 1), 1)],
    'modular_arithmetic_brackets': [(expressions(n), n) for n in (4, 8)],
    'duplicate_string': [(strings(2, 4), 4)],
    'odds_first': [(strings(2, 5), 5)],
    'reverse_string': [(strings(2, 4), 4)],
    'bucket_sort': [(strings(5, n), n) for n in (1, 4)],
    'binary_addition': [(additions(n), n) for n in (3, 7)],
    'compute_sqrt': [(numbers(n), n) for n in (1, 5, 6)],
}


@pytest.mark.parametrize('name', ALL)
def test_chance_is_that_of_all_questions_there_are(name):
    task, oracle = tasks.build(f'chomsky/{name}'), oracles.module(f'chomsky/{name}')
    for rows, length in ALL[name]:
        found, p_AV = [], np.zeros((3 * length + 1, task.vocabulary))
        for row, p in rows:
            answer = oracle.answer(task, row)
            answer = answer[0][: answer[1]] if isinstance(answer, tuple) else answer
            p_AV[np.arange(len(answer)), answer] += p
            found.append((answer, p))
        assert abs(sum(p for _, p in found) - 1) < 1e-9
        # Of two that are equally likely the smaller one, whichever way they are rounded.
        commonest = np.round(p_AV, 12).argmax(axis=1)
        scored = p_AV.sum()
        share_AV = p_AV / np.maximum(p_AV.sum(axis=1, keepdims=True), 1e-300)
        wanted = dict(
            exact_match=sum(p for answer, p in found if answer == commonest[: len(answer)].tolist()),
            token_accuracy=p_AV.max(axis=1).sum() / scored,
            loss=-(p_AV * np.log(np.maximum(share_AV, 1e-300))).sum() / scored,
        )
        assert task.chance('test', length) == pytest.approx(wanted, abs=1e-9), length


def test_chance_at_length_is_what_published_numbers_are_to_be_held_to():
    """Published: 92 % of symbols sorted, and 25 to 35 % of values right, which is next to this."""

    def mean(name, lengths):
        task = tasks.build(f'chomsky/{name}')
        return np.mean([task.chance('test', length)['token_accuracy'] for length in lengths])

    assert round(mean('bucket_sort', range(41, 101)), 3) == 0.827
    assert round(mean('bucket_sort', range(41, 501)), 3) == 0.901
    assert abs(mean('modular_arithmetic_brackets', [200]) - 0.3) < 0.02


def test_values_of_expressions_are_known_without_making_them():
    """Of three equal operators 0 is commoner than any other value, of two all are as likely."""
    assert brackets.values(60, 2) == pytest.approx([1 / 5] * 5)
    assert np.argmax(brackets.values(60, 3)) == 0


@pytest.mark.parametrize(
    'name, length', [('solve_equation', 2), ('binary_addition', 2), ('missing_duplicate_string', 1)]
)
def test_what_is_too_short_to_ask_is_refused(name, length):
    with pytest.raises(ValueError, match=f'length: got {length}, wanted at least {length + 1}'):
        tasks.build(f'chomsky/{name}').sample(jax.random.key(0), 2, length)


def paired(name, length, rows):
    task = tasks.build(f'chomsky/{name}', pairs=True)
    return task, small.numpy(jax.jit(task.sample, static_argnums=(1, 2))(jax.random.key(0), rows, length))


@pytest.mark.parametrize('name', ['reverse_string', 'binary_multiplication', 'compute_sqrt'])
def test_a_row_of_a_pair_is_two_questions_one_after_the_other(name):
    """Cut where the segment changes, each of them is what the oracle says, and nothing follows."""
    task, batch = paired(name, 9, 50)
    room = task.tokens(9)
    fill = dict(inputs_BL=task.empty, targets_BL=0, segment_ids_BL=-1, weights_BL=0)
    for number, segments_L in enumerate(batch['segment_ids_BL']):
        sizes = [(segments_L == segment).sum() for segment in (0, 1)]
        np.testing.assert_array_equal(segments_L, np.repeat([0, 1, -1], [*sizes, len(segments_L) - sum(sizes)]))
        cut = {part: np.split(batch[part][number], np.cumsum(sizes)) for part in fill}
        cut['segment_ids_BL'][1] = np.zeros_like(cut['segment_ids_BL'][1])
        two = {
            part: np.stack([np.pad(half, (0, room - len(half)), constant_values=fill[part]) for half in halves[:2]])
            for part, halves in cut.items()
        }
        for part, wanted in oracles.module(f'chomsky_{name}').expected(task, two, 'filled').items():
            np.testing.assert_array_equal(two[part], wanted, err_msg=part)
            np.testing.assert_array_equal(cut[part][2], fill[part], err_msg=f'{part} after both')


def test_lengths_of_pairs_are_as_even_as_those_of_single_questions():
    _, batch = paired('reverse_string', 9, 3500)
    lengths = [(batch['segment_ids_BL'] == segment).sum(axis=1) // 2 for segment in (0, 1)]
    np.testing.assert_array_equal(sum(lengths), 10)
    close(lengths[0], dict.fromkeys(range(1, 10), 1 / 9))
