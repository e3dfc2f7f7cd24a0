"""Character n-grams, of which fastText makes vectors of unknown words (Bojanowski et al. 2017, arXiv 1607.04606).

The n-grams of a word are those of '<word>'. They share a table of buckets by their hash: 32-bit FNV-1a of their UTF-8,
with the one slip that all published models were trained with, and which is therefore kept: bytes are signed, so that
those from 128 on flip the 24 high bits as well.
"""

import dataclasses

import numpy as np

OFFSET, PRIME = 2166136261, 16777619
# Words whose n-grams are looked up at once.
AT_ONCE = 4096


@dataclasses.dataclass(frozen=True, eq=False)
class NGrams:
    """The n-grams of a vocabulary.

    Attributes:
      vectors_BD: a vector a bucket, float32; may be memory-mapped.
      words_VD: what each word of the vocabulary has of its own, beside its n-grams, float32; may be memory-mapped.
      minn, maxn: characters of an n-gram, from the shortest to the longest.
    """

    vectors_BD: np.ndarray
    words_VD: np.ndarray
    minn: int
    maxn: int

    def vector(self, word: str) -> np.ndarray | None:
        """The mean of the vectors of a word's n-grams, float32 [D]; None for a word too short to have any."""
        ids_N, _ = buckets([word], self.minn, self.maxn, len(self.vectors_BD))
        if not len(ids_N):
            return None
        sum_D = np.zeros(self.vectors_BD.shape[1], np.float32)
        # One after another, as in `compose`: NumPy's sum of a narrow table has another order, and other bits.
        with np.errstate(over='ignore'):
            for row_D in self.vectors_BD[ids_N]:
                sum_D += row_D
        return sum_D / np.float32(len(ids_N))

    def compose(self, words: list[str], without: tuple[str, ...] = ()) -> np.ndarray:
        """The vectors of the vocabulary, float32 [V, D]: the mean of a word's own vector and those of its n-grams.

        Words of `without` have no n-grams.
        """
        vectors_VD = np.array(self.words_VD, np.float32)
        for first in range(0, len(words), AT_ONCE):
            some = words[first : first + AT_ONCE]
            ids_N, counts_V = buckets(some, self.minn, self.maxn, len(self.vectors_BD))
            begins_V = np.cumsum(counts_V) - counts_V
            counts_V[[word in without for word in some]] = 0
            sums_VD = vectors_VD[first : first + AT_ONCE]
            # One after another and in float32, as fastText and gensim add: their bits.
            for k in range(counts_V.max()):
                have_V = np.flatnonzero(counts_V > k)
                sums_VD[have_V] += self.vectors_BD[ids_N[begins_V[have_V] + k]]
            sums_VD /= (counts_V[:, None] + 1).astype(np.float32)
        return vectors_VD


def buckets(words: list[str], minn: int, maxn: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The buckets of the n-grams of words, int64 [N], word by word, and how many each word has, int64 [V].

    A word's n-grams come in the order of their first characters and then of their lengths, and one that a word has
    twice comes twice. The marks '<' and '>' alone are none.

    Args:
      words: the words, without marks.
      minn, maxn: the shortest and the longest n-gram, in characters.
      count: of buckets; 0 for none.
    """
    if count == 0 or maxn < max(minn, 1):
        return np.zeros(0, np.int64), np.zeros(len(words), np.int64)
    encoded = [f'<{word}>'.encode('utf-8', 'surrogatepass') for word in words]
    bytes_N = np.frombuffer(b''.join(encoded), np.uint8)
    # A character begins where no byte of a longer one goes on.
    starts_C = np.flatnonzero((bytes_N & 0xC0) != 0x80)
    ends_C = np.append(starts_C[1:], len(bytes_N))
    limits_V = np.cumsum([len(word) for word in encoded])
    word_C = np.searchsorted(limits_V, starts_C, 'right')
    chars_V = np.bincount(word_C, minlength=len(words))
    last_C = (np.cumsum(chars_V) - 1)[word_C]
    signed_N = bytes_N.astype(np.int8).astype(np.int32).view(np.uint32)
    lengths_C = ends_C - starts_C

    here_C = np.arange(len(starts_C))
    hashes_C = np.full(len(starts_C), OFFSET, np.uint32)
    found_CK, there_CK = [], []
    for n in range(1, maxn + 1):
        # The n-gram that begins at a character grows by one, whose bytes are hashed in turn.
        at_C = here_C + n - 1
        fits_C = at_C <= last_C
        at_C = np.minimum(at_C, len(starts_C) - 1)
        for k in range(int(lengths_C.max())):
            go_C = fits_C & (k < lengths_C[at_C])
            byte_C = signed_N[np.minimum(starts_C[at_C] + k, len(signed_N) - 1)]
            hashes_C = np.where(go_C, (hashes_C ^ byte_C) * np.uint32(PRIME), hashes_C)
        if n >= minn:
            alone_C = (n == 1) & ((at_C == last_C) | (here_C == last_C - chars_V[word_C] + 1))
            found_CK.append(hashes_C % np.uint32(count))
            there_CK.append(fits_C & ~alone_C)
    there_CK = np.stack(there_CK, 1)
    ids_N = np.stack(found_CK, 1)[there_CK].astype(np.int64)
    return ids_N, np.bincount(word_C, there_CK.sum(1), minlength=len(words)).astype(np.int64)
