"""The tokenizer of a published model."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from posbench.datasets.sources import DatasetError
from posbench.datasets.tokenizers import base

# Of a published tokenizer's tokens, the first that is there ends a document.
ENDS = ('[SEP]', '</s>', '<|endoftext|>')


class File(base.Tokenizer):
    """The tokenizer of a `tokenizer.json` in Hugging Face's layout, without what it adds to a text or cuts off.

    Many of these lose characters: they lower-case, drop accents and white space, or write what they do not know as one
    token. So a token stands for more than one text, and its `characters_V` is a mean, see `base.mean_characters`.
    """

    def __init__(self, model, characters_V: np.ndarray | None = None):
        self._model, vocabulary = model, model.get_vocab()
        self.vocabulary = max(vocabulary.values()) + 1
        end = next((token for token in ENDS if token in vocabulary), None)
        self.end_of_document = self.vocabulary if end is None else vocabulary[end]
        self.vocabulary += end is None
        self.characters_V = characters_V
        # What the file puts around a text shows in a text of tokens that it surely knows.
        framed = model.encode(' '.join(sorted(vocabulary))[:1000])
        own = [i for i, added in enumerate(framed.special_tokens_mask) if not added] or [0]
        self.before, self.after = tuple(framed.ids[: own[0]]), tuple(framed.ids[own[-1] + 1 :])

    @classmethod
    def train(cls, documents: Iterable[str], path: Path) -> 'File':
        """The tokenizer as it is; only how many characters a token stands for is learned."""
        one = cls(_published(read(path), str(path)))
        one.characters_V = base.mean_characters(one._encode, documents, one.vocabulary, one.end_of_document)
        return one

    def encode(self, text: str) -> np.ndarray:
        return np.array(self._encode(text).ids, np.int32)

    def _encode(self, text: str):
        return self._model.encode(text, add_special_tokens=False)

    def decode(self, ids: Iterable[int]) -> str:
        return self._model.decode(
            [i for i in base.as_list(ids) if i != self.end_of_document], skip_special_tokens=False
        )

    def to_json(self) -> str:
        return json.dumps({'file': self._model.to_str(), 'characters': self.characters_V.tolist()})

    @classmethod
    def from_json(cls, stored: str) -> 'File':
        content = json.loads(stored)
        return cls(_published(content['file'].encode(), 'tokenizer.json'), np.array(content['characters'], np.float32))


def read(path: Path) -> bytes:
    """The bytes of a tokenizer.json."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f'tokenizer_file: {path} cannot be read: {error.strerror}.') from None


def _published(data: bytes, where: str):
    """The tokenizer that a file holds, of texts of any length and of what they say alone."""
    from tokenizers import Tokenizer

    try:
        model = Tokenizer.from_str(data.decode('utf-8-sig'))
    except Exception as error:  # The library raises nothing narrower.
        raise DatasetError(f"tokenizer_file: {where} is no tokenizer.json in Hugging Face's layout: {error}.") from None
    if not model.get_vocab_size():
        raise DatasetError(f'tokenizer_file: {where} has no tokens.')
    # The file of a sentence encoder cuts after its longest input, and fills up to it.
    model.no_truncation()
    model.no_padding()
    # A text that says [SEP] does not mean the token.
    model.encode_special_tokens = True
    return model
