"""The n-gram model against the equations of Chen & Goodman (1999) written with dictionaries and sets."""

import collections
import math

import numpy as np
import pytest

from posbench.datasets import ngram


class Direct:
    """Interpolated modified Kneser-Ney, one n-gram at a time; `stream` is padded and predicted from `order` - 1 on."""

    def __init__(self, stream, order, alphabet):
        self.order, self.alphabet = order, alphabet
        grams = {k: [tuple(stream[i : i + k]) for i in range(len(stream) - k + 1)] for k in range(1, order + 1)}
        self.counts = {order: collections.Counter(grams[order])}
        for k in range(1, order):
            before = collections.defaultdict(set)
            for gram in grams[k + 1]:
                before[gram[1:]].add(gram[0])
            self.counts[k] = {gram: len(before[gram]) for gram in grams[k]}
        self.discount = {k: self.discounts(k) for k in range(2, order + 1)}

    def discounts(self, k):
        n = collections.Counter(self.counts[k].values())
        if 0 in (n[1], n[2], n[3], n[4]):
            return {1: 0.5, 2: 1.0, 3: 1.5}
        y = n[1] / (n[1] + 2 * n[2])
        found = {c: c - (c + 1) * y * n[c + 1] / n[c] for c in (1, 2, 3)}
        return found if min(found.values()) >= 0 else {1: 0.5, 2: 1.0, 3: 1.5}

    def probability(self, symbol, context):
        k = len(context) + 1
        if k == 1:
            total = sum(self.counts[1].values()) + 1
            return (1 if symbol == self.alphabet - 1 else self.counts[1].get((symbol,), 0)) / total
        lower = self.probability(symbol, context[1:])
        following = {gram[-1]: count for gram, count in self.counts[k].items() if gram[:-1] == context}
        total = sum(following.values())
        if not total:
            return lower
        taken = {s: self.discount[k][min(3, count)] if count else 0 for s, count in following.items()}
        kept = (following[symbol] - taken[symbol]) / total if symbol in following else 0
        return kept + sum(taken.values()) / total * lower


TEXT = (
    'she sells sea shells by the sea shore; the shells she sells are sea shells, she is sure of that, and if she sells '
    'sea shells on the sea shore then surely she sells shore shells. how much wood would a woodchuck chuck if a '
    'woodchuck could chuck wood? as much wood as a woodchuck could chuck, if a woodchuck could chuck wood.'
)
OTHER = 'the shore she sees is by the sea, but who sells wood there, Peter?'


def streams():
    letters = sorted(set(TEXT))
    symbols = {letter: i for i, letter in enumerate(letters)}
    escape = len(letters)
    train_N = np.array([symbols[letter] for letter in TEXT])
    return train_N, np.array([symbols.get(letter, escape) for letter in OTHER]), escape + 1


@pytest.mark.parametrize('order', [1, 2, 3, 5])
def test_probabilities_are_those_of_the_equations(order):
    train_N, other_N, alphabet = streams()
    model = ngram.Model.train(train_N, order=order, alphabet=alphabet, start=0)
    direct = Direct([0] * (order - 1) + train_N.tolist(), order, alphabet)
    padded = [0] * (order - 1) + other_N.tolist()
    wanted_N = [
        direct.probability(symbol, tuple(padded[i : i + order - 1])) for i, symbol in enumerate(other_N.tolist())
    ]
    np.testing.assert_allclose(model.probabilities(other_N), wanted_N, rtol=1e-12)


def test_both_ways_to_choose_discounts_are_compared_above():
    train_N, _, alphabet = streams()
    direct = Direct([0] * 4 + train_N.tolist(), 5, alphabet)
    fallen_back = [discount == {1: 0.5, 2: 1.0, 3: 1.5} for discount in direct.discount.values()]
    assert any(fallen_back) and not all(fallen_back)


@pytest.mark.parametrize('order', [1, 2, 4])
def test_the_probabilities_of_every_context_sum_to_one(order):
    train_N, other_N, alphabet = streams()
    model = ngram.Model.train(train_N, order=order, alphabet=alphabet, start=0)
    for stop in range(len(other_N)):  # Contexts that training has, and contexts that it lacks.
        next_S = [model.probabilities(np.append(other_N[:stop], symbol))[-1] for symbol in range(alphabet)]
        assert min(next_S) > 0
        assert sum(next_S) == pytest.approx(1, abs=1e-12)


def test_discounts_are_those_of_equation_26():
    counts_G = np.repeat([1, 2, 3, 4, 9], [40, 20, 10, 5, 7])
    # Y = 40 / (40 + 2 * 20) = 1/2; D1 = 1 - 2 Y 20/40, D2 = 2 - 3 Y 10/20, D3 = 3 - 4 Y 5/10.
    np.testing.assert_allclose(ngram.discounts(counts_G), [0, 0.5, 1.25, 2.0])


def test_order_one_is_the_entropy_of_the_characters():
    counts = collections.Counter(TEXT) + collections.Counter(['end'])
    symbols = sum(counts.values())
    entropy = -sum(count / symbols * math.log2(count / symbols) for count in counts.values())
    # The one count of the escape makes every symbol dearer by log2((N+1)/N).
    wanted = (entropy + math.log2((symbols + 1) / symbols)) * symbols / len(TEXT)
    assert ngram.Characters.train([TEXT], 1).bits_per_character([TEXT]) == pytest.approx(wanted, rel=1e-12)


def test_an_unseen_character_costs_the_escape_and_its_choice_among_all_of_unicode():
    model = ngram.Characters.train(['aab'], 1)  # a, a, b, end, and one count for the escape
    choice = math.log2(0x110000 - 0x800 - 2)
    assert model.bits_per_character(['é']) == pytest.approx(math.log2(5) + choice + math.log2(5), rel=1e-12)
    assert model.bits_per_character(['a']) == pytest.approx(math.log2(5 / 2) + math.log2(5), rel=1e-12)


def test_a_longer_context_needs_fewer_bits():
    bits = [ngram.Characters.train([TEXT], order).bits_per_character([TEXT]) for order in (1, 2, 3, 4)]
    assert bits == sorted(bits, reverse=True)


def test_characters_outside_the_first_plane_are_one_character_each():
    assert ngram.code_points(['a😀', 'é']).tolist() == [ord('a'), 0x1F600, ngram.END, ord('é'), ngram.END]
