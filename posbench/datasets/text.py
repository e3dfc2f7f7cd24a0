"""A text as a trainer wants it: token ids of every split, memory-mapped, and what they stand for."""

import dataclasses
import math
import pathlib
from typing import Any

import numpy as np

from posbench.datasets import austen, baselines, folder, medium, registered, shipped, tokenised, tokenizers
from posbench.datasets.sources import DatasetError, Source
from posbench.knobs import Path

OURS = ('austen', 'folder', 'medium')
NOVELS = tuple(f'austen/{title}' for title in austen.SHA256)


@dataclasses.dataclass(frozen=True, eq=False)
class Text:
    """Token ids of one text under one tokenizer. N tokens of a split, V ids.

    Documents follow each other in one stream, each ended by `end_of_document`. A document is a whole novel of
    'austen', a file of 'folder', a record of a TFDS dataset; of 'medium' see medium.py.
    """

    name: str
    tokens: dict[str, np.ndarray]  # split -> int32 [N], read-only
    # Characters that each token stands for, none for the end of a document: int32, or the mean in float32 where a token
    # stands for more than one text (tokenizers.File, tokenizers.Words).
    characters_V: np.ndarray
    end_of_document: int
    vocabulary: int  # V, with the end of a document
    tokenizer: tokenizers.Tokenizer
    # validation and test -> 'unigram', '5-gram', 'unigram_tokens' (bits per character), 'unigram_tokens_nats' (nats per
    # token); all of them trained on train
    baselines: dict[str, dict[str, float]]
    fingerprint: str  # SHA-256 that changes with any token or with the tokenizer


def load(
    name: str = 'austen',
    *,
    folder: Path | None = None,
    text_feature: str | None = None,
    tokenizer: tokenizers.Name = 'bpe',
    vocabulary: tokenizers.Vocabulary = 1024,
    tokenizer_file: Path | None = None,
    lowercase: bool = False,
    min_count: tokenizers.MinCount = 1,
    segmentation: tokenizers.Segmentation = 'unicode',
    data_dir: Path | None = None,
    quiet: bool | None = None,
) -> Text:
    """The tokens of a text, from the cache below `data_dir`; prepares and tokenises it if they are not there.

    `name` is 'austen' (shipped), one novel of it ('austen/emma', in the tokens of all), 'medium' (six million words,
    see medium.py), 'folder' (see folder.py), or a dataset of tensorflow_datasets (see registered.py).
    `vocabulary` is the V of the tokenizers 'words', 'bpe' and 'unigram'; the others have their own. `tokenizer_file` is
    the tokenizer.json of the tokenizer 'file'; `lowercase`, `min_count` and `segmentation` are those of 'words'
    (tokenizers/words.py). `quiet` hides progress bars; None hides them where stderr is no terminal.
    Raises DatasetError, with one line for the user.
    """
    recipe = tokenizers.recipe(
        tokenizer, vocabulary, tokenizer_file, lowercase=lowercase, min_count=min_count, segmentation=segmentation
    )
    place = tokenised.place_of(data_dir)
    source = find(name, folder, text_feature, place)
    made = tokenised.fetch(name, source, recipe, place, quiet=quiet, describe=_describe)
    return Text(
        name=name,
        tokens=made.tokens,
        characters_V=made.tokenizer.characters_V,
        end_of_document=made.tokenizer.end_of_document,
        vocabulary=made.tokenizer.vocabulary,
        tokenizer=made.tokenizer,
        baselines=made.content['baselines'],
        fingerprint=made.fingerprint,
    )


def find(name: str, path: str | pathlib.Path | None, text_feature: str | None, data_dir: pathlib.Path) -> Source:
    """The documents that `load` takes by these names; DatasetError, one line, where there are none."""
    if path is not None and name != 'folder':
        raise DatasetError(f"folder={str(path)!r} needs the dataset 'folder', got {name!r}.")
    if text_feature is not None and name in (*OURS, *NOVELS):
        raise DatasetError(f'text_feature={text_feature!r} needs a TFDS dataset, got {name!r}.')
    if name == 'austen':
        return shipped.find(data_dir)
    if name in NOVELS:
        return shipped.find_novel(name.removeprefix('austen/'), data_dir)
    if name == 'medium':
        return medium.find(data_dir)
    if name == 'folder':
        return folder.find(path)
    return registered.find(name, data_dir, text_feature, OURS)


def _describe(made: tokenised.Tokenised, documents: tokenised.Documents) -> dict[str, Any]:
    counted = baselines.characters(lambda split: documents(split, 'Counting n-grams in'))
    return {'baselines': _with_tokens(counted, made.tokens, made.tokenizer)}


def _with_tokens(
    counted: dict[str, dict[str, float]], tokens: dict[str, np.ndarray], tokenizer: tokenizers.Tokenizer
) -> dict[str, dict[str, float]]:
    """Baselines of characters, and that of token unigrams."""
    for split, values in counted.items():
        nats = baselines.unigram_tokens(tokens['train'], tokens[split], tokenizer.vocabulary)
        characters_per_token = tokenizer.characters_V[tokens[split]].mean(dtype=np.float64)
        values['unigram_tokens'] = float(nats / math.log(2) / characters_per_token)
        values['unigram_tokens_nats'] = nats
    return counted
