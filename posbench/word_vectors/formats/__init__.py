"""Files of word vectors: one format a file, each with `read(stream, wanted)` and `write(write, table)`.

A format is told by what a file holds. Its name tells fastText's text from word2vec's, which read the same.
"""

import codecs
import importlib
import pathlib
import re

import numpy as np

from posbench.knobs import kinds
from posbench.word_vectors.formats import fasttext_bin, safetensors, text
from posbench.word_vectors.formats.rows import Table, Wanted
from posbench.word_vectors.formats.stream import CHUNK, COMPRESSORS, FormatError, Stream, opened, writing

__all__ = ['FormatError', 'Table', 'Wanted', 'names', 'opened', 'read', 'tell', 'write']

FORMATS = ('word2vec_text', 'word2vec_binary', 'glove', 'fasttext_text', 'fasttext_bin', 'safetensors')
# What a file is written as by its name. Where two have one name, it is the one that has n-grams, if there are some.
ENDINGS = {'.safetensors': 'safetensors', '.vec': 'fasttext_text', '.txt': 'word2vec_text', '.w2v': 'word2vec_text'}
DUPLICATES = ('refuse', 'first')

# Beginnings of files that hold something else.
PICKLE = "a pickle, which may run any code and is never opened; gensim's save_word2vec_format writes what is"
FOREIGN = {
    # Of protocols 2 to 5, and of 0 and 1: a global name, a list or a dictionary.
    rb'\x80[\x02-\x05][^\0]': PICKLE,
    rb'[}\])]q\0|\(?[ld]p?[0-9]+\n|\(?c[A-Za-z_][\w.]*\n[A-Za-z_]\w*\n': PICKLE,
    rb'\x93NUMPY': 'an array of NumPy, which has no words (and may hold pickled objects)',
    rb'PK\x03\x04': 'a zip archive (or what NumPy or PyTorch keep in one); unpack the file of vectors first',
    rb'\x89HDF': 'HDF5',
    rb'\x28\xb5\x2f\xfd': 'compressed by zstd; wanted gzip, bzip2, xz or none',
    rb'\xff\xfe|\xfe\xff|\0\0\xfe\xff': 'UTF-16 or UTF-32 by its byte-order mark; wanted UTF-8',
    rb'(?s:.{257})ustar': 'a tar archive; unpack the file of vectors first',
    rb'\s*<(!DOCTYPE|html|\?xml)': 'a page of the web',
}


def names() -> list[str]:
    """All formats."""
    return sorted(FORMATS)


def read(path: pathlib.Path, format: str | None = None, wanted: Wanted = Wanted()) -> Table:
    """What the file holds. Raises FormatError for one that is no such file, and ValueError for unknown options."""
    _check(format, wanted)
    with opened(path) as stream:
        head = stream.peek(4096)
        if not head:
            raise stream.error('it is empty')
        for beginning, what in FOREIGN.items():
            if re.match(beginning, head):
                raise stream.error(f'it is {what}')
        try:
            return _module(format or tell(stream)).read(stream, wanted)
        except MemoryError:
            raise stream.error('there is not enough memory for its vectors') from None


def write(path: pathlib.Path, table: Table, format: str | None = None) -> None:
    """Writes the file whole or not at all.

    Raises ValueError for numbers that are not finite and for a word that the format cannot hold, and OSError.
    """
    if format is None:
        ending = path.with_suffix('').suffix if path.suffix in COMPRESSORS else path.suffix
        bin = 'word2vec_binary' if table.ngrams is None else 'fasttext_bin'
        format = bin if ending == '.bin' else ENDINGS.get(ending)
        if format is None:
            known = ', '.join([*ENDINGS, '.bin'])
            raise ValueError(f'{path}: wanted format=... ({", ".join(names())}), or a name that ends in one of {known}')
    _check(format, Wanted())
    for some in text.batches(table.vectors_VD):
        if not (finite_N := np.isfinite(table.vectors_VD[some]).all(1)).all():
            word = table.words[some][int(np.argmin(finite_N))]
            raise ValueError(f'{path}: the vector of {kinds.show(word)} has numbers that are not finite')
    with writing(path) as write:
        _module(format).write(write, table)


def tell(stream: Stream) -> str:
    """The format of a file by its beginning, which stays to be read."""
    head = stream.peek(4096)
    if fasttext_bin.recognises(head):
        return 'fasttext_bin'
    if safetensors.recognises(head, stream.size):
        return 'safetensors'
    if (sizes := text.header(stream)) is None:
        return 'glove'
    if _is_binary(stream.peek(CHUNK), *sizes):
        return 'word2vec_binary'
    return 'fasttext_text' if '.vec' in stream.path.suffixes else 'word2vec_text'


def _is_binary(head: bytes, count: int, width: int) -> bool:
    """Whether vectors come as bytes, of which every tenth or so is a control character, or as digits."""
    rows = head[head.index(b'\n') + 1 :]
    controls, some = len(re.findall(rb'[\0-\x08\x0e-\x1f]', rows[:4096])), len(rows[:4096])
    if controls > 1 and controls * 50 > some:
        return True
    # Too few to count: by what ends the first line, and by what stands after the first word.
    line = rows.partition(b'\n')[0].rstrip()
    if b' ' in line and text.NUMBER.fullmatch(line.rpartition(b' ')[2]):
        return False
    numbers = rows[rows.find(b' ') + 1 :][: 4 * width].partition(b'\n')[0]
    return not re.fullmatch(rb'[\t\r -~]+', numbers) or len(re.findall(rb'[0-9]', numbers)) * 3 < len(numbers)


def _module(format: str):
    return importlib.import_module(f'posbench.word_vectors.formats.{format}')


def _check(format: str | None, wanted: Wanted) -> None:
    if format is not None and format not in FORMATS:
        near = kinds.nearest(str(format), FORMATS)
        raise ValueError(
            f'Unknown format {format!r}; ' + (f'did you mean {near!r}? ' if near else '') + f'There are {names()}.'
        )
    if wanted.duplicates not in DUPLICATES:
        raise ValueError(f'got duplicates={wanted.duplicates!r}, wanted one of {DUPLICATES}')
    if wanted.limit is not None and wanted.limit < 1:
        raise ValueError(f'got limit={wanted.limit}, wanted at least 1')
    try:
        codecs.lookup_error(wanted.errors)
        if 'a \n'.encode(wanted.encoding) != b'a \n':
            raise LookupError
    except (LookupError, UnicodeError):
        wrong = f'got encoding={wanted.encoding!r}, errors={wanted.errors!r}'
        raise ValueError(
            f'{wrong}; wanted an encoding that goes on from ASCII, and errors as of bytes.decode'
        ) from None
