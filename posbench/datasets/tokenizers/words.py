"""Words as tokens, of any script: a segmentation by rules of Unicode, and a vocabulary learned from train."""

import itertools
import json
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np

from posbench.datasets.sources import DatasetError
from posbench.datasets.tokenizers import base

UNKNOWN = '<unk>'
# Scripts that put no space between words: each character with its marks is a token.
ALONE = r'\p{Han}\p{Hiragana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}'
LETTER = rf'[\p{{L}}\p{{M}}\u200c\u200d&&[^{ALONE}\p{{Katakana}}]]'
# A letter, mark, digit or low line, or a joiner between two letters, or between two digits (UAX #29, WB6 to WB12).
INSIDE = rf"(?:{LETTER}|[\p{{Nd}}\p{{Pc}}]|(?<={LETTER})['’.·](?={LETTER})|(?<=\p{{Nd}})[.,;'’](?=\p{{Nd}}))"
SCRIPTS = rf'[{ALONE}]\p{{M}}*|[\p{{Katakana}}ー]{{1,N}}'
# What of a contraction is a word of its own in the Penn Treebank: the n't of don't, the 's of Emma's.
CONTRACTION = rf"(?:n't|'(?:s|m|d|re|ve|ll))(?!{LETTER})"
PATTERNS = {
    'unicode': rf'{SCRIPTS}|{INSIDE}{{1,N}}|(?!\s)\X',
    'treebank': rf'(?i:{CONTRACTION})|{SCRIPTS}|(?:(?!(?i:{CONTRACTION})){INSIDE}){{1,N}}|\.{{2,N}}|-{{2,N}}|(?!\s)\X',
    'white_space': r'\S{1,N}',
}


class Words(base.Tokenizer):
    """The commonest words of train, one id for every other word, and the end of a document: V ids in all.

    What is a word is told by `segmentation`:
      'unicode': the default rules of Unicode Standard Annex #29, in the part that text needs: runs of letters and
        digits, joined by an apostrophe or full stop inside; every other character for itself. Where a script has no
        spaces, each character of it is a word (Han, Hiragana, Thai, Lao, Khmer, Myanmar; Katakana in runs), Korean goes
        by its spaces.
      'treebank': the same, with contractions cut as in the Penn Treebank (do n't, Emma 's), runs of full stops and
        dashes whole, and curly apostrophes straight: as the texts of GloVe's vectors were.
      'white_space': whatever stands between white space, for texts that are segmented already, by a dictionary say.

    Characters of Han are what Chinese BERT reads as well, and published vectors of Chinese have them. A dictionary,
    such as jieba's (MIT, 349,046 entries, 19 MB, last released in 2020), would make words of them, but only of Chinese,
    by weights of another text than train, and with a file larger than all of posbench; who wants its words gives the
    text with spaces between them and 'white_space'.

    White space is dropped, and so nothing tells 'a  b' from 'a b'; text is composed (NFC), and `lowercase` makes it so.
    `characters_V` is therefore a mean (`base.mean_characters`), but 0 of the unknown word, of which nothing is said:
    bits per character are those of all guesses, that a word is unknown included, for each character of known words.
    What white space and capitals would cost is not in them, so that they tell models of one vocabulary apart, and are a
    little low beside other tokenizers. A word is cut after each WORD characters.
    """

    def __init__(self, words: Sequence[str], lowercase: bool, segmentation: str, characters_V: np.ndarray):
        self.words, self.lowercase, self.segmentation = list(words), lowercase, segmentation
        self.unknown, self.end_of_document = len(words), len(words) + 1
        self.vocabulary, self.characters_V = len(words) + 2, characters_V
        self._model = _segmenter(segmentation, lowercase, self.words)

    @classmethod
    def train(
        cls, documents: Sequence[str], vocabulary: int, lowercase: bool, min_count: int, segmentation: str
    ) -> 'Words':
        """Of the words that stand at least `min_count` times in the documents the V-2 commonest, by count, then text.

        DatasetError where there is no such word, or no place for one.
        """
        from tokenizers import trainers

        if vocabulary < 3:
            raise DatasetError(
                f'A vocabulary of {vocabulary} words is too small; wanted 3 (a word, the unknown one, end) or more.'
            )
        trainer = trainers.WordLevelTrainer(
            vocab_size=vocabulary - 2, min_frequency=min_count, special_tokens=[], show_progress=False
        )
        counter = _segmenter(segmentation, lowercase, [])
        counter.train_from_iterator(documents, trainer)
        ids = counter.get_vocab()
        if not ids:
            raise DatasetError(f'train: got no word that stands there at least {min_count} times, wanted one or more.')
        one = cls(sorted(ids, key=ids.__getitem__), lowercase, segmentation, np.zeros(0, np.float32))
        one.characters_V = base.mean_characters(one._model.encode, documents, one.vocabulary, one.end_of_document)
        one.characters_V[one.unknown] = 0
        return one

    def encode(self, text: str) -> np.ndarray:
        return np.array(self._model.encode(text).ids, np.int32)

    def segment(self, text: str) -> list[str]:
        """The words of a text, known or not, as they are looked up."""
        normal = self._model.normalizer.normalize_str(text)
        return [word for word, _ in self._model.pre_tokenizer.pre_tokenize_str(normal)]

    def decode(self, ids: Iterable[int]) -> str:
        """Words with a space between them, but none beside a character of a script without spaces, nor where
        punctuation stands close to its word."""
        shown = [*self.words, UNKNOWN]
        words = [shown[i] for i in base.as_list(ids) if i != self.end_of_document]
        if self.segmentation == 'white_space':
            return ' '.join(words)
        spaced = (' ' * _apart(left, right) + right for left, right in itertools.pairwise(words))
        return ''.join([*words[:1], *spaced])

    def to_json(self) -> str:
        stored = dict(words=self.words, lowercase=self.lowercase, segmentation=self.segmentation)
        return json.dumps(stored | dict(characters=self.characters_V.tolist()))

    @classmethod
    def from_json(cls, stored: str) -> 'Words':
        content = json.loads(stored)
        return cls(**content | dict(characters_V=np.array(content.pop('characters'), np.float32)))


def _segmenter(segmentation: str, lowercase: bool, words: list[str]):
    """A tokenizer of the library that finds words and looks them up."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    pattern = PATTERNS[segmentation].replace('{1,N}', f'{{1,{base.WORD}}}').replace('{2,N}', f'{{2,{base.WORD}}}')
    # No text has this as a word under the first two, where it is three.
    unknown = {UNKNOWN: len(words)}
    known = {word: i for i, word in enumerate(words)}
    model = Tokenizer(models.WordLevel(unknown | known, unk_token=UNKNOWN))
    steps = [normalizers.NFC()]
    steps += [normalizers.Replace('’', "'")] if segmentation == 'treebank' else []
    steps += [normalizers.Lowercase()] if lowercase else []
    model.normalizer = normalizers.Sequence(steps)
    # What is no word, which is white space, is dropped.
    model.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), 'removed', invert=True)
    return model


def _apart(left: str, right: str) -> bool:
    """Whether a space stands between two words."""
    if _without_spaces(left[-1]) or _without_spaces(right[0]) or right in CLOSE:
        return False
    opens, closes = unicodedata.category(left[-1]), unicodedata.category(right[0])
    return not (opens in ('Ps', 'Pi') or (closes in ('Pe', 'Pf') or right[0] in ',.;:!?…'))


# Ends of contractions.
CLOSE = ("n't", "'s", "'m", "'d", "'re", "'ve", "'ll")
# Ranges of the scripts of ALONE and Katakana with their punctuation, and full-width forms.
SPACELESS = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x2E80, 0x9FFF), (0xF900, 0xFAFF), (0xFE30, 0xFE4F),
             (0xFF00, 0xFF9F), (0x20000, 0x3FFFF))  # fmt: skip


def _without_spaces(character: str) -> bool:
    return any(low <= ord(character) <= high for low, high in SPACELESS)
