"""Character n-grams with modified Kneser-Ney smoothing: what a model without a Transformer reaches.

Chen & Goodman 1999, "An empirical study of smoothing techniques for language modeling", Computer Speech & Language
13:359-394: absolute discounts for counts of 1, 2 and more, lower orders from continuation counts, all orders
interpolated. NumPy only.

N symbols of a stream, G distinct n-grams of one order, S symbols of the alphabet.
"""

import dataclasses
from collections.abc import Iterable

import numpy as np

# Where a text is too small to estimate discounts from its counts of counts, as in KenLM (--discount_fallback).
FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)
# Code points that are not surrogates: what an unseen character may turn out to be.
UNICODE_CHARACTERS = 0x110000 - 0x800


def discounts(counts_G: np.ndarray) -> np.ndarray:
    """What is taken from a count of 0, 1, 2, and 3 or more (Chen & Goodman 1999, equation 26)."""
    n1, n2, n3, n4 = np.bincount(np.minimum(counts_G, 5), minlength=6)[1:5].tolist()
    taken = FALLBACK_DISCOUNTS
    if n1 and n2 and n3 and n4:
        y = n1 / (n1 + 2 * n2)
        taken = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
        if min(taken) < 0:
            taken = FALLBACK_DISCOUNTS
    return np.array([0, *taken])


def lookup(keys: np.ndarray, sorted_G: np.ndarray) -> np.ndarray:
    """Where each key stands in `sorted_G`; -1 where it is not."""
    at = np.minimum(np.searchsorted(sorted_G, keys), len(sorted_G) - 1)
    return np.where(sorted_G[at] == keys, at, -1)


@dataclasses.dataclass(frozen=True)
class Order:
    """The n-grams of one length k: (context, symbol), where the context is itself an n-gram of length k-1.

    P_k(symbol | context) = kept[context, symbol] + passed_on[context] * P_{k-1}(symbol | shorter context)
    """

    keys_G: np.ndarray  # context * S + symbol, sorted; an n-gram's number is its place here
    kept_G: np.ndarray  # the discounted relative frequency
    passed_on_C: np.ndarray  # of each n-gram of length k-1, seen as a context; 1 where nothing ever followed it


@dataclasses.dataclass(frozen=True)
class Model:
    """An n-gram model over symbols 0..S-1, of which S-1 is never seen in training: the escape.

    The lowest order is the relative frequency, with one count reserved for the escape, so that each symbol that was
    seen, and the escape, has a probability above zero, and those of a context sum to one.
    """

    symbols_G: np.ndarray  # those that were seen, sorted
    lowest_S: np.ndarray
    orders: tuple[Order, ...]  # of length 2, 3, ..., n
    start: int  # the symbol that stands before the stream

    @classmethod
    def train(cls, symbols_N: np.ndarray, *, order: int, alphabet: int, start: int) -> 'Model':
        """Counts the n-grams of one stream, of lengths 1 to `order`. `alphabet` is S, the escape included."""
        stream_N = np.concatenate([np.full(order - 1, start), symbols_N]).astype(np.int64)
        keys, suffixes, ids_N = [], [], np.zeros(len(stream_N) + 1, np.int64)
        for _ in range(order):
            # An n-gram is the shorter one that ends a symbol earlier, and the symbol at its end.
            keys_N = ids_N[:-1] * alphabet + stream_N[len(stream_N) - len(ids_N) + 1 :]
            keys_G, first_G, longer_N, counts_G = np.unique(
                keys_N, return_index=True, return_inverse=True, return_counts=True
            )
            keys.append(keys_G)
            suffixes.append(ids_N[1:][first_G])
            ids_N = longer_N
        # The longest n-grams count as often as they occur, the shorter ones once for each symbol seen before them.
        counts = [np.bincount(suffix_G, minlength=len(keys_G)) for suffix_G, keys_G in zip(suffixes[1:], keys)]
        counts.append(counts_G)

        lowest_S = np.zeros(alphabet)
        lowest_S[keys[0]] = counts[0]
        lowest_S[-1] = 1
        orders, contexts = [], len(keys[0])
        for keys_G, counts_G in zip(keys[1:], counts[1:]):
            context_G = keys_G // alphabet
            taken_G = discounts(counts_G)[np.minimum(counts_G, 3)]
            total_C = np.bincount(context_G, counts_G, minlength=contexts)
            passed_on_C = np.bincount(context_G, taken_G, minlength=contexts)
            passed_on_C = np.divide(passed_on_C, total_C, out=np.ones(contexts), where=total_C > 0)
            orders.append(Order(keys_G, (counts_G - taken_G) / total_C[context_G], passed_on_C))
            contexts = len(keys_G)
        return cls(keys[0], lowest_S / lowest_S.sum(), tuple(orders), start)

    def probabilities(self, symbols_N: np.ndarray) -> np.ndarray:
        """P(symbol | the symbols before it), for each symbol of a stream: float64 [N]."""
        padding = len(self.orders)
        stream_N = np.concatenate([np.full(padding, self.start), symbols_N]).astype(np.int64)
        alphabet = len(self.lowest_S)
        probability_N, ids_N = self.lowest_S[stream_N], lookup(stream_N, self.symbols_G)
        for order in self.orders:
            context_N = ids_N[:-1]
            symbol_N = stream_N[len(stream_N) - len(context_N) :]
            ids_N = np.where(context_N < 0, -1, lookup(context_N * alphabet + symbol_N, order.keys_G))
            kept_N = np.where(ids_N < 0, 0.0, order.kept_G[ids_N])
            passed_on_N = np.where(context_N < 0, 1.0, order.passed_on_C[context_N])
            probability_N = kept_N + passed_on_N * probability_N[1:]
        return probability_N


@dataclasses.dataclass(frozen=True)
class Characters:
    """An n-gram model of documents of text, as a code for any Unicode text whatever.

    Each document is followed by an end symbol, which is predicted too (its bits count, it is no character), and
    stands before the first one. A character that training never showed costs the escape, and then the bits to say
    which of all the other characters of Unicode it is, each as likely.
    """

    alphabet_A: np.ndarray  # code points seen in training, sorted; the end symbol is the last
    model: Model

    @classmethod
    def train(cls, documents: Iterable[str], order: int) -> 'Characters':
        codes_N = code_points(documents)
        alphabet_A = np.flatnonzero(np.bincount(codes_N))
        end = len(alphabet_A) - 1
        return cls(alphabet_A, Model.train(lookup(codes_N, alphabet_A), order=order, alphabet=end + 2, start=end))

    def bits_per_character(self, documents: Iterable[str]) -> float:
        """Bits that the model needs for the documents and their ends, for each character of them."""
        codes_N = code_points(documents)
        symbols_N = lookup(codes_N, self.alphabet_A)
        unseen_N = symbols_N < 0
        escape = len(self.alphabet_A)
        probabilities_N = self.model.probabilities(np.where(unseen_N, escape, symbols_N))
        seen = escape - 1  # The end symbol is no character.
        bits = -np.log2(probabilities_N).sum() + unseen_N.sum() * np.log2(UNICODE_CHARACTERS - seen)
        return float(bits / (codes_N != END).sum())


END = 0x110000  # One past the last code point.


def code_points(documents: Iterable[str]) -> np.ndarray:
    """The characters of the documents as numbers, each document followed by END: uint32 [N]."""
    pieces = []
    for document in documents:
        pieces += [np.frombuffer(document.encode('utf-32-le'), '<u4'), np.array([END], '<u4')]
    return np.concatenate(pieces)
