"""The rows of an input layer that a file of word vectors gives, and how much of a text they cover.

A token is looked up by its text without the white space around it, whatever the tokenizer: ' the' of byte pair encoding
and 'the' of words have the vector of 'the'. The end of a document is looked up as word2vec's '</s>', the unknown word
of a vocabulary by the names that files have for it.
"""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from posbench.inputs import tokens
from posbench.tasks import base
from posbench.training import init

# What files call what is no word, by how tokenizers spell it.
NAMES = {'': ('</s>',), '<unk>': ('<unk>', 'unk', 'UNK', '<UNK>', 'UNKNOWN'), '[UNK]': ('[UNK]', '<unk>', 'unk')}
# Of a run of word vectors.
IN_FOLDER = 'vectors.safetensors'
# The parameter that they fill.
PATH = 'input_layer/vectors'
CHUNK = 1 << 20


class Coverage(NamedTuple):
    """How many of V tokens of the vocabulary, and of N tokens of train, have a vector, and by what.

    known_types counts all of them, by_lower_case and by_ngrams those that have it by that.
    """

    types: int
    known_types: int
    by_lower_case: int
    by_ngrams: int
    tokens: int | None
    known_tokens: int | None


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """What a file says of V tokens, C channels: rows_VC, float32, those of `known_V`; what others are drawn like."""

    name: str
    digest: str  # SHA-256 of the file
    rows_VC: np.ndarray
    known_V: np.ndarray
    center_C: np.ndarray
    spread_C: np.ndarray  # of the known rows; 0 where unknown ones are to be zero
    coverage: Coverage

    @property
    def source(self) -> tokens.Source:
        """What a model has to know of it."""
        return tokens.Source(self.rows_VC.shape[1], float(np.sqrt(np.mean(np.square(self.rows_VC[self.known_V])))))

    @property
    def origin(self) -> dict[str, Any]:
        """Plain JSON, for the origin of a run."""
        return dict(sha256=self.digest, channels=self.rows_VC.shape[1], **self.coverage._asdict())

    @property
    def sentence(self) -> str:
        """How much is covered, for the user."""
        found = self.coverage
        ways = ((found.by_lower_case, 'in lower case'), (found.by_ngrams, 'by n-grams'))
        ways = ', '.join(f'{count:,} of them {way}' for count, way in ways if count)
        train = ''
        if found.tokens:
            train = f', and {_share(found.known_tokens, found.tokens)} of the {found.tokens:,} tokens of train'
        others = 'The others are drawn like them.' if self.spread_C.any() else 'The others are zero.'
        return (
            f'Word vectors of {self.name}, {self.rows_VC.shape[1]} channels: {found.known_types:,} of the '
            f'{found.types:,} tokens of the vocabulary have one ({_share(found.known_types, found.types)})'
            f'{", " + ways if ways else ""}{train}.' + (f' {others}' if found.known_types < found.types else '')
        )

    def fill(self, state: Any) -> Any:
        """A first state whose unknown rows, drawn as noise of size 1, are made like the known ones, and those put in.

        Traced with the arrays as arguments: as constants they would be a part of the program.
        """

        def fill(state, rows_VC, known_V, center_C, spread_C):
            def one(path, leaf):
                return jnp.where(known_V[:, None], rows_VC, center_C + spread_C * leaf) if path == PATH else leaf

            params, frozen = (init.map_by_path(one, tree) for tree in (state.params, state.frozen))
            return state._replace(params=params, frozen=frozen)

        shardings = jax.tree.map(lambda leaf: leaf.sharding, state)
        arrays = self.rows_VC, self.known_V, self.center_C, self.spread_C
        return jax.jit(fill, out_shardings=shardings)(state, *arrays)


def of_input(
    options: dict[str, Any], task: base.Task, dataset: Any, data_dir: str | Path | None = None
) -> Table | None:
    """What the file of an input layer with these options says of the tokens of a task; None where it names none.

    data_dir: where packages lie that are fetched.
    """
    if options.get('file') is None:
        return None
    train_N = getattr(dataset, 'tokens', {}).get('train')
    given = dict(unknown=options['unknown'], lowercase=options['lowercase'], data_dir=data_dir)
    return read(options['file'], task.spelled, train_N, **given)


def read(
    path: str,
    spelled_V: Sequence[str] | None,
    tokens_N: np.ndarray | None,
    *,
    unknown: str,
    lowercase: bool,
    data_dir: str | Path | None = None,
) -> Table:
    """What a file, the folder of a run, or a package says of tokens that are spelled like that, `tokens_N` in train.

    Raises ValueError, one line, for a file that cannot be read, has no n-grams that were asked for, or none of the
    tokens, and for tokens that are no text.
    """
    from posbench import word_vectors
    from posbench.word_vectors import packaged

    if spelled_V is None:
        raise ValueError(f'config.input.file: got {path!r}, wanted None, because the tokens of the task are no text')
    file = Path(path).expanduser()
    file = file / IN_FOLDER if file.is_dir() else file
    try:
        if packaged.names(path):
            vectors, digest = packaged.load(path, data_dir)
        else:
            vectors, digest = word_vectors.load(path), _sha256(file)
    except OSError as error:
        raise ValueError(f'config.input.file: {file} cannot be read: {error.strerror or error}') from None
    except ValueError as error:
        raise ValueError(f'config.input.file: {error}') from None
    return look_up(vectors, path, digest, spelled_V, tokens_N, unknown=unknown, lowercase=lowercase)


def look_up(
    vectors: Any,
    name: str,
    digest: str,
    spelled_V: Sequence[str],
    tokens_N: np.ndarray | None,
    *,
    unknown: str,
    lowercase: bool,
) -> Table:
    """What a `word_vectors.WordVectors` says; see `read`."""
    if unknown == 'ngrams' and vectors.ngrams is None:
        raise ValueError(f"config.input.unknown: got 'ngrams', wanted 'drawn' or 'zero', because {name} has no n-grams")
    rows_VC = np.zeros((len(spelled_V), vectors.vectors_VD.shape[1]), np.float32)
    place_V, lower, made = np.full(len(spelled_V), -1, np.int64), 0, 0
    by_ngrams_V = np.zeros(len(spelled_V), bool)
    for token, text in enumerate(spelled_V):
        words = _words(text)
        found = next((vectors.index[word] for word in words if word in vectors.index), None)
        if found is None and lowercase:
            found = next((vectors.index[word.lower()] for word in words if word.lower() in vectors.index), None)
            lower += found is not None
        if found is not None:
            place_V[token] = found
        elif unknown == 'ngrams' and words and text.strip():
            rows_VC[token] = vectors.ngrams.vector(words[0])
            # A word that is shorter than all n-grams has none.
            by_ngrams_V[token] = rows_VC[token].any()
    told_V = place_V >= 0
    if not told_V.any():
        raise ValueError(
            f'config.input.file: {name} has a vector for none of the {len(spelled_V):,} tokens of the vocabulary, '
            f'such as {", ".join(map(repr, spelled_V[:3]))}; wanted one for the words of config.dataset'
        )
    rows_VC[told_V] = vectors.vectors_VD[place_V[told_V]]
    known_VC, known_V, made = rows_VC[told_V].astype(np.float64), told_V | by_ngrams_V, int(by_ngrams_V.sum())
    if not known_VC.any():
        raise ValueError(f'config.input.file: {name} has nothing but zeros for the tokens of the vocabulary')
    center_C, spread_C = known_VC.mean(axis=0), known_VC.std(axis=0)
    if unknown == 'zero':
        center_C, spread_C = np.zeros_like(center_C), np.zeros_like(spread_C)
    counted = _count(tokens_N, known_V) if tokens_N is not None else (None, None)
    coverage = Coverage(len(spelled_V), int(known_V.sum()), lower, made, *counted)
    center_C, spread_C = center_C.astype(np.float32), spread_C.astype(np.float32)
    return Table(name, digest, rows_VC, known_V, center_C, spread_C, coverage)


def _words(text: str) -> tuple[str, ...]:
    """What a token is looked up as, the likeliest first; nothing where it is no text of its own."""
    if text in NAMES:
        return NAMES[text]
    word = text.strip()
    return (word,) if word and '\N{REPLACEMENT CHARACTER}' not in word else ()


def _count(tokens_N: np.ndarray, known_V: np.ndarray) -> tuple[int, int]:
    """How many tokens there are, and how many of them are known; of a text on the disk a part at a time."""
    parts = (tokens_N[start : start + CHUNK] for start in range(0, len(tokens_N), CHUNK))
    return len(tokens_N), sum(int(known_V[part].sum()) for part in parts)


def _share(part: int, whole: int) -> str:
    return f'{100 * part / whole:.1f} %'


def _sha256(path: Path) -> str:
    with path.open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()
