"""A text as word vectors are trained on it: a vocabulary of the words that are frequent enough, and their numbers."""

import collections
import dataclasses
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import numpy as np

SPLITS = ('train', 'validation', 'test')
# What a window never crosses.
Boundary = Literal['document', 'line', 'sentence']
# Letters with what joins them, and numbers; ' and ’ are one.
WORD = re.compile(r"\w+(?:[-']\w+)*")
# After the mark and what closes a quotation; a line that is empty ends a sentence too.
ENDS = {'line': re.compile(r'\n'), 'sentence': re.compile(r'(?<=[.!?])["\'”)\]]*\s+|\n\s*\n')}


@dataclasses.dataclass(frozen=True, eq=False)
class Corpus:
    """Words of the vocabulary, the most frequent first (of equal ones in the order of Unicode), and the text in them.

    Words outside of the vocabulary are left out before anything else, as word2vec does, so that a window reaches over
    them. tokens: split -> int32 [N]; the first word i of a sentence is written as ~i, which is negative.
    """

    words: tuple[str, ...]
    counts_V: np.ndarray  # int64, in train
    tokens: dict[str, np.ndarray]
    # split -> words of the text, those outside of the vocabulary too: what words/s are counted in
    read: dict[str, int]

    @property
    def fingerprint(self) -> str:
        """SHA-256 that changes with any word or boundary."""
        content = hashlib.sha256('\n'.join(self.words).encode())
        for split, tokens_N in sorted(self.tokens.items()):
            content.update(f'\n{split}\n'.encode() + np.ascontiguousarray(tokens_N).data)
        return content.hexdigest()


def build(
    sentences: Callable[[str], Iterable[Sequence[str]]],
    *,
    min_count: int = 5,
    splits: Sequence[str] = SPLITS,
) -> Corpus:
    """The corpus of `sentences(split)`, lists of words, which is asked for train twice and always gives the same ones.

    Raises ValueError, one line, where no word of train is there `min_count` times.
    """
    counted = collections.Counter()
    for sentence in sentences('train'):
        counted.update(sentence)
    kept = sorted((-count, word) for word, count in counted.items() if count >= min_count)
    if len(kept) < 2:
        raise ValueError(
            f'min_count: got {min_count}, which {len(kept)} of the {len(counted)} words of train reach, '
            'wanted one that two of them do'
        )
    words = tuple(word for _, word in kept)
    number = {word: i for i, word in enumerate(words)}
    tokens, read = {}, {}
    for split in splits:
        numbers, total = [], 0
        for sentence in sentences(split):
            found = [number[word] for word in sentence if word in number]
            total += len(sentence)
            if found:
                found[0] = ~found[0]
                numbers.append(np.array(found, np.int32))
        tokens[split] = np.concatenate([np.zeros(0, np.int32), *numbers])
        read[split] = total
    return Corpus(words, np.array([-count for count, _ in kept], np.int64), tokens, read)


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case, without punctuation."""
    return WORD.findall(text.replace('’', "'").lower())


def sentences_of(documents: Iterable[str], boundary: Boundary) -> Iterator[list[str]]:
    """The words of each document, line or sentence; a document ends all of them."""
    for document in documents:
        parts = [document] if boundary == 'document' else ENDS[boundary].split(document)
        yield from filter(None, map(words_of, parts))
