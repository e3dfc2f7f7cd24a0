"""Static word vectors, from every format that they are published in.

    wv = posbench.word_vectors.load('glove.6B.50d.txt.gz')
    wv['king']                                      # float32 [D]; KeyError with the nearest word
    wv.most_similar(['king', 'woman'], ['man'])     # [('queen', 0.85), ...]
    wv.save('glove.safetensors')                    # is loaded again at once, since it is memory-mapped

NumPy only: jax is imported by what trains them.
"""

import pathlib

from posbench.word_vectors import formats
from posbench.word_vectors.formats import FormatError
from posbench.word_vectors.vectors import WordVectors

__all__ = ['FormatError', 'WordVectors', 'load']


def load(
    path: str | pathlib.Path,
    *,
    format: str | None = None,
    limit: int | None = None,
    encoding: str = 'utf-8',
    errors: str = 'strict',
    duplicates: str = 'refuse',
) -> WordVectors:
    """Word vectors from a file, or from the folder of a run that trained some.

    Args:
      path: word2vec's text or binary, GloVe's text, fastText's .vec or .bin, or safetensors; compressed by gzip, bzip2
        or xz, or not. A folder: the vectors.safetensors in it.
      format: one of `formats.names()`; None: told by what the file holds.
      limit: only so many words, the first of the file. What comes after them is not looked at.
      encoding: of the words, where it is not UTF-8.
      errors: what becomes of a word that is none in that encoding, as in bytes.decode; word2vec cuts words within a
        character.
      duplicates: 'refuse' a word that comes again, or keep its 'first' row, with a warning of how many were left out.

    Raises FormatError, a ValueError of one line with the file and the line or the byte, for whatever is not as it
    should be, numbers that are not finite included. Nothing is guessed, filled in or left out without a word.
    """
    path = pathlib.Path(path).expanduser()
    if path.is_dir():
        path = _in_folder(path)
    wanted = formats.Wanted(limit, encoding, errors, duplicates)
    return WordVectors(*formats.read(path, format, wanted))


def _in_folder(folder: pathlib.Path) -> pathlib.Path:
    path = folder / 'vectors.safetensors'
    if not path.is_file():
        others = sorted(other.name for other in folder.glob('*.safetensors'))
        hint = f'; it has {", ".join(others[:5])}' if others else ''
        raise FormatError(folder, f'the folder has no vectors.safetensors{hint}')
    return path
