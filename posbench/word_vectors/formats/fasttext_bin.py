"""fastText's .bin, a whole model (Bojanowski et al. 2017, arXiv 1607.04606): settings, vocabulary, two matrices.

The first, the input matrix, has a row for each word and then one for each bucket of n-grams. A word's vector is the
mean of its own row and those of its n-grams. Matrices of a file that is not compressed are memory-mapped. Models from
before May 2017 begin without a magic number, and say nothing of pruning and quantisation. Numbers are little-endian.
"""

import struct
from collections.abc import Callable

import numpy as np

from posbench.knobs import kinds
from posbench.word_vectors.formats import text
from posbench.word_vectors.formats.rows import WIDEST, Table, Wanted, Words, check_sizes, show
from posbench.word_vectors.formats.stream import Stream
from posbench.word_vectors.ngrams import NGrams

MAGIC, VERSION = 793712314, 12
SETTINGS = struct.Struct('<12id')
NAMES = [
    'dim',
    'ws',
    'epoch',
    'minCount',
    'neg',
    'wordNgrams',
    'loss',
    'model',
    'bucket',
    'minn',
    'maxn',
    'lrUpdateRate',
    't',
]
SKIP_GRAM, SUPERVISED, NEGATIVE_SAMPLING = 2, 3, 2
# After a word: a NUL, how often it came, and whether it is a word or a label.
ENTRY = struct.Struct('<qb')
# The end of a sentence has no n-grams in models with a magic number. gensim gives it some, fastText itself does not.
END = '</s>'
# Bytes of a word and characters of an n-gram, at most.
LONGEST_WORD, LONGEST = 2**16, 2**10


def recognises(head: bytes) -> bool:
    """A file that begins so is a model: with the magic number, or with the width and kind of one, as no text does."""
    if len(head) >= 4 and struct.unpack_from('<i', head)[0] == MAGIC:
        return True
    if len(head) < SETTINGS.size:
        return False
    old = dict(zip(NAMES, SETTINGS.unpack_from(head)))
    return 1 <= old['dim'] <= WIDEST and 1 <= old['model'] <= 3


def read(stream: Stream, wanted: Wanted) -> Table:
    """Words with their vectors and n-grams.

    Raises FormatError with the byte where something is wrong, and for models that are supervised, pruned or quantised.
    """
    is_new = _numbers(stream, '<i', peek=True) == (MAGIC,)
    if is_new:
        _, version = _numbers(stream, '<2i')
        if not 1 <= version <= VERSION:
            raise stream.error(f'got version {version} of fastText models, wanted at most {VERSION}', 4)
    at = stream.offset
    settings = dict(zip(NAMES, _numbers(stream, SETTINGS.format)))
    width, buckets, minn, maxn = (settings[name] for name in ('dim', 'bucket', 'minn', 'maxn'))
    if settings['model'] == SUPERVISED:
        raise stream.error('it is a supervised model; wanted one of words (fasttext skipgram or cbow)', at)
    if settings['model'] not in (1, 2) or buckets < 0 or not 0 <= minn <= LONGEST or not 0 <= maxn <= LONGEST:
        raise stream.error(f'got {kinds.show(settings, 300)}, wanted the settings of a model', at)
    at = stream.offset
    size, count, labels = _numbers(stream, '<3i')
    _numbers(stream, '<q')
    if labels or size != count:
        raise stream.error(f'it has {labels:,} labels among {size:,} words; wanted a model of words', at)
    check_sizes(stream, count, width, offset=at)
    if is_new and _numbers(stream, '<q')[0] >= 0:
        raise stream.error('it is pruned; wanted a model that is whole', stream.offset - 8)
    words = _words(stream, count)

    if is_new and _numbers(stream, '<b')[0]:
        raise stream.error('it is quantised; wanted float32', stream.offset - 1)
    input_MD = _matrix(stream, (count + buckets, width))
    start = stream.offset - input_MD.nbytes
    if is_new and _numbers(stream, '<b')[0]:
        raise stream.error('its output is quantised; wanted float32', stream.offset - 1)
    _skip(stream, width)
    if (place := _not_finite(input_MD)) is not None:
        i, j = place
        message = f'got {input_MD[i, j]} in row {i + 1:,} of the input matrix, wanted finite numbers'
        raise stream.error(message, start + 4 * (i * width + j))

    names, rows_VD = Words(stream, wanted, count, nameless=True), input_MD[:count]
    words = names.first(words)
    first = names.add([word for word, _ in words], lambda i: {'offset': words[i][1]})
    names, rows_VD = names.finish(), rows_VD[: len(words)] if first is None else rows_VD[first]
    if minn > maxn or not maxn:
        return Table(names, np.array(rows_VD, np.float32))
    ngrams = NGrams(input_MD[count:], rows_VD, minn, maxn)
    with np.errstate(over='ignore'):
        vectors_VD = ngrams.compose(names, without=(END,) if is_new else ())
    if (row := _not_finite(vectors_VD)) is not None:
        raise stream.error(f'the sum of the n-grams of {kinds.show(names[row[0]])} is beyond float32', start)
    return Table(names, vectors_VD, ngrams if buckets else None)


def _numbers(stream: Stream, layout: str, peek: bool = False) -> tuple:
    size, at = struct.calcsize(layout), stream.offset
    data = stream.peek(size) if peek else stream.read(size)
    if len(data) < size:
        raise stream.error('the file ends within the settings of the model', at)
    return struct.unpack(layout, data)


def _words(stream: Stream, count: int) -> list[tuple[bytes, int]]:
    """The words of the dictionary and where they stand."""
    least = ENTRY.size + 2
    if stream.size is not None and stream.size - stream.offset < count * least:
        raise stream.error(f'the file is too short for the {count:,} words that it claims')
    words, held, at = [], b'', 0
    while len(words) < count:
        end = held.find(b'\0', at)
        if end < 0 or end + 1 + ENTRY.size > len(held):
            start = stream.offset - len(held) + at
            if end < 0 and len(held) - at > LONGEST_WORD:
                break
            held, at = held[at:], 0
            more = stream.peek(2**16)
            if not more:
                raise stream.error(f'the file ends within word {len(words) + 1:,} of {count:,}', start)
            held += stream.read(len(more))
            continue
        if end - at > LONGEST_WORD:
            break
        words.append((held[at:end], stream.offset - len(held) + at))
        _, kind = ENTRY.unpack_from(held, end + 1)
        at = end + 1 + ENTRY.size
        if kind != 0:
            raise stream.error(f'got an entry of kind {kind}, wanted 0, a word', stream.offset - len(held) + at - 1)
    stream.put_back(held[at:])
    if len(words) < count:
        raise stream.error(f'got {show(held[at : at + 40])}, wanted a word and a NUL')
    return words


def _matrix(stream: Stream, shape: tuple[int, int]) -> np.ndarray:
    at = stream.offset
    rows, width = _numbers(stream, '<2q')
    if (rows, width) != shape:
        raise stream.error(
            f'got a matrix of {rows:,} x {width:,}, wanted {shape[0]:,} x {shape[1]:,} by the settings', at
        )
    start, size = stream.offset, 4 * rows * width
    too_short = f'{size:,} bytes of vectors should follow; the file ends before'
    if stream.size is not None:
        if stream.size - start < size:
            raise stream.error(too_short)
        stream.skip(size)
        return np.memmap(stream.path, '<f4', 'r', start, shape)
    data = bytearray()
    while len(data) < size:
        more = stream.read(min(2**20, size - len(data)))
        if not more:
            raise stream.error(too_short, start)
        data += more
    return np.frombuffer(data, '<f4').reshape(shape)


def _skip(stream: Stream, width: int) -> None:
    """The output matrix, which no vector is made of; but a file that lacks it was cut."""
    at = stream.offset
    rows, columns = _numbers(stream, '<2q')
    size = 4 * rows * columns
    if rows < 0 or columns != width:
        raise stream.error(f'got an output matrix of {rows:,} x {columns:,}, wanted {width:,} columns', at)
    if not stream.skip(size):
        raise stream.error(f'{size:,} bytes of the output matrix should follow; the file ends before')
    if stream.peek(1):
        raise stream.error('bytes are left after the output matrix')


def _not_finite(matrix_MD: np.ndarray) -> tuple[int, int] | None:
    """Where the first number stands that is none."""
    for some in text.batches(matrix_MD):
        if not np.isfinite(matrix_MD[some]).all():
            i, j = np.argwhere(~np.isfinite(matrix_MD[some]))[0].tolist()
            return some.start + i, j
    return None


def write(write: Callable[[bytes], None], table) -> None:
    """A model that fastText and gensim read: its output matrix is zeros, as before any training.

    Counts of words fall from V to 1, as words are in the order of theirs. Without n-grams there are no buckets.
    ValueError for a word that it cannot hold.
    """
    for word in table.words:
        if set(word) & set('\0 \n\r\t\v\f'):
            raise ValueError(f'got the word {word!r}, which fasttext_bin cannot hold; safetensors can')
    count, width = table.vectors_VD.shape
    ngrams = table.ngrams or NGrams(np.zeros((0, width), np.float32), table.vectors_VD, 0, 0)
    settings = dict(dim=width, ws=5, epoch=5, minCount=1, neg=5, wordNgrams=1, loss=NEGATIVE_SAMPLING, model=SKIP_GRAM)
    settings |= dict(bucket=len(ngrams.vectors_BD), minn=ngrams.minn, maxn=ngrams.maxn, lrUpdateRate=100, t=1e-4)
    write(struct.pack('<2i', MAGIC, VERSION) + SETTINGS.pack(*(settings[name] for name in NAMES)))
    write(struct.pack('<3iqq', count, count, 0, count * (count + 1) // 2, -1))
    for first in range(0, count, 2**14):
        some = enumerate(table.words[first : first + 2**14], first)
        write(b''.join(word.encode() + b'\0' + ENTRY.pack(count - i, 0) for i, word in some))
    write(struct.pack('<?2q', False, count + len(ngrams.vectors_BD), width))
    for some in text.batches(ngrams.words_VD):
        rows_ND = np.array(ngrams.words_VD[some], '<f4')
        for i, word in enumerate(table.words[some]):
            if word == END:
                rows_ND[i] = table.vectors_VD[some][i]
        write(rows_ND.tobytes())
    for some in text.batches(ngrams.vectors_BD):
        write(np.ascontiguousarray(ngrams.vectors_BD[some], '<f4').tobytes())
    write(struct.pack('<?2q', False, count, width))
    for some in text.batches(table.vectors_VD):
        write(bytes(table.vectors_VD[some].nbytes))
