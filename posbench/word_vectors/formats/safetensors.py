"""safetensors (github.com/huggingface/safetensors), the format of posbench's own vectors: memory-mapped.

    vectors        F32 [V, D]
    words          U8 [N], the words in UTF-8 with a line feed between them
    ngram_vectors  F32 [B, D], and
    word_rows      F32 [V, D], where there are n-grams (ngrams.py), whose minn and maxn are metadata

Any reader of safetensors reads them: `bytes(file['words']).decode().split('\\n')`.
"""

import json
import math
import re
from collections.abc import Callable

import numpy as np

from posbench.knobs import kinds
from posbench.word_vectors.formats import text
from posbench.word_vectors.formats.rows import Table, Wanted, Words
from posbench.word_vectors.formats.stream import Stream
from posbench.word_vectors.ngrams import NGrams

TYPES = {'F32': np.dtype('<f4'), 'U8': np.dtype('u1')}
# Bytes of a header, as safetensors itself bounds them.
LONGEST_HEADER = 100_000_000
NGRAM_TENSORS = ('ngram_vectors', 'word_rows')


def recognises(head: bytes, size: int | None) -> bool:
    """A file that begins with the length of a header and a brace."""
    length = int.from_bytes(head[:8], 'little')
    return head[8:9] == b'{' and 2 <= length <= LONGEST_HEADER and (size is None or length + 8 <= size)


def read(stream: Stream, wanted: Wanted) -> Table:
    """The words and their vectors, memory-mapped if the file is not compressed, and their n-grams.

    Raises FormatError for a header that does not describe the file, for words that are not one a row, and for numbers
    that are not finite: all are looked at.
    """
    header, start = _header(stream)
    metadata = header.pop('__metadata__', {})
    tensors, places = _tensors(stream, header, start)
    missing = [name for name in ('vectors', 'words') if name not in tensors]
    if missing:
        there = ', '.join(map(repr, list(tensors)[:5])) or 'nothing'
        raise stream.error(f'there is no tensor {missing[0]!r} of word vectors, but {there}', 8)
    vectors_VD = tensors['vectors']
    if vectors_VD.dtype != np.float32 or vectors_VD.ndim != 2 or not vectors_VD.size:
        raise stream.error(f"got 'vectors' {vectors_VD.dtype} {vectors_VD.shape}, wanted float32 [V, D]", 8)
    words = _words(stream, tensors['words'], len(vectors_VD))
    ngrams = _ngrams(stream, metadata, tensors, vectors_VD.shape)
    for name in ('vectors', *(NGRAM_TENSORS if ngrams else ())):
        _check_finite(stream, name, tensors[name], places[name])
    names = Words(stream, wanted, len(words), nameless=True)
    words = names.first(words)
    first = names.add(words, lambda i: {'offset': places['words'] + sum(len(word) + 1 for word in words[:i])})
    kept = slice(len(words)) if first is None else first
    if ngrams is not None:
        ngrams = NGrams(ngrams.vectors_BD, ngrams.words_VD[kept], ngrams.minn, ngrams.maxn)
    return Table(names.finish(), vectors_VD[kept], ngrams)


def _header(stream: Stream) -> tuple[dict, int]:
    """The header, and where what it describes begins."""
    length = int.from_bytes(stream.read(8), 'little')
    if not 2 <= length <= LONGEST_HEADER or (stream.size is not None and length > stream.size - 8):
        raise stream.error(f'got a header of {length:,} bytes, which is not in the file', 0)
    data = bytearray()
    while len(data) < length and (more := stream.read(min(2**20, length - len(data)))):
        data += more
    try:
        header = json.loads(data.decode('utf-8'), object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        raise stream.error(f'its header is no JSON: {error}', 8) from None
    if not isinstance(header, dict) or len(data) < length:
        raise stream.error('its header is cut or no object in JSON', 8)
    return header, stream.offset


def _each_once(pairs: list[tuple]) -> dict:
    if len(dict(pairs)) != len(pairs):
        raise ValueError('a name stands twice')
    return dict(pairs)


def _tensors(stream: Stream, header: dict, start: int) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """The arrays, which lie one after another to the end of the file, and where each begins."""
    spans = []
    for name, about in header.items():
        match about:
            case {'dtype': str(kind), 'shape': [*shape], 'data_offsets': [int(begin), int(end)]}:
                whole = all(isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 2**40 for n in shape)
                if whole and kind in TYPES and math.prod(shape) * TYPES[kind].itemsize == end - begin:
                    spans.append((begin, end, name, TYPES[kind], tuple(shape)))
                    continue
        message = f'got the tensor {kinds.show(name)} {kinds.show(about)}, wanted {" or ".join(TYPES)} of its size'
        raise stream.error(message, 8)
    spans.sort(key=lambda span: span[:2])
    if [begin for begin, *_ in spans] != [0, *(end for _, end, *_ in spans)][: len(spans)]:
        raise stream.error('its tensors do not lie one after another', 8)
    size = max((end for _, end, *_ in spans), default=0)
    if stream.size is not None:
        if start + size != stream.size:
            raise stream.error(f'its tensors take {size:,} bytes, and {stream.size - start:,} follow the header', 8)
        data = np.memmap(stream.path, np.uint8, 'r')[start:]
    else:
        data = bytearray()
        while len(data) < size and (more := stream.read(min(2**20, size - len(data)))):
            data += more
        if len(data) < size or stream.peek(1):
            raise stream.error(f'its tensors take {size:,} bytes, and others follow the header')
        data = np.frombuffer(data, np.uint8)
    arrays = {
        name: np.ndarray(shape, dtype, data, begin) if end > begin else np.zeros(shape, dtype)
        for begin, end, name, dtype, shape in spans
    }
    return arrays, {name: start + begin for begin, _, name, *_ in spans}


def _words(stream: Stream, words_N: np.ndarray, count: int) -> list[bytes]:
    if words_N.dtype != np.uint8 or words_N.ndim != 1:
        raise stream.error(f"got 'words' {words_N.dtype} {words_N.shape}, wanted bytes", 8)
    words = words_N.tobytes().split(b'\n')
    if len(words) != count:
        raise stream.error(f'got {len(words):,} words and {count:,} vectors', 8)
    return words


def _ngrams(stream: Stream, metadata, tensors: dict[str, np.ndarray], shape: tuple[int, int]) -> NGrams | None:
    if not set(NGRAM_TENSORS) & tensors.keys():
        return None
    vectors_BD, words_VD = (tensors.get(name) for name in NGRAM_TENSORS)
    limits = [metadata.get(name) if isinstance(metadata, dict) else None for name in ('minn', 'maxn')]
    if not all(isinstance(limit, str) and re.fullmatch('[0-9]{1,3}', limit) for limit in limits):
        raise stream.error(f'got n-grams of {limits[0]!r} to {limits[1]!r} characters, wanted numbers', 8)
    are_there = vectors_BD is not None and words_VD is not None
    are_float = are_there and vectors_BD.dtype == words_VD.dtype == np.float32
    if not are_float or words_VD.shape != shape or vectors_BD.ndim != 2 or vectors_BD.shape[1] != shape[1]:
        raise stream.error(f'its n-grams ({", ".join(NGRAM_TENSORS)}) do not fit vectors of {shape}', 8)
    return NGrams(vectors_BD, words_VD, *map(int, limits))


def _check_finite(stream: Stream, name: str, values_ND: np.ndarray, start: int) -> None:
    for some in text.batches(values_ND):
        if not np.isfinite(values_ND[some]).all():
            i, j = np.argwhere(~np.isfinite(values_ND[some]))[0].tolist()
            i += some.start
            message = f'got {values_ND[i, j]} in row {i + 1:,} of {name!r}, wanted finite numbers'
            raise stream.error(message, start + 4 * (i * values_ND.shape[1] + j))


def write(write: Callable[[bytes], None], table) -> None:
    """The file, part by part. ValueError for a word that it cannot hold."""
    for word in table.words:
        if '\n' in word:
            raise ValueError(f'got the word {word!r}; wanted one without a line feed')
    tensors = {'vectors': table.vectors_VD}
    metadata = {'format': 'posbench.word_vectors'}
    if table.ngrams is not None:
        tensors |= {'ngram_vectors': table.ngrams.vectors_BD, 'word_rows': table.ngrams.words_VD}
        metadata |= {'minn': str(table.ngrams.minn), 'maxn': str(table.ngrams.maxn)}
    words = '\n'.join(table.words).encode()
    header, end = {'__metadata__': metadata}, 0
    for name, values in [*tensors.items(), ('words', np.frombuffer(words, np.uint8))]:
        size = values.size * (1 if name == 'words' else 4)
        header[name] = dict(
            dtype='U8' if name == 'words' else 'F32', shape=values.shape, data_offsets=[end, end + size]
        )
        end += size
    data = json.dumps(header).encode()
    # To a multiple of eight, so that numbers are aligned.
    data += b' ' * (-len(data) % 8)
    write(len(data).to_bytes(8, 'little') + data)
    for values in tensors.values():
        for some in text.batches(values):
            write(np.ascontiguousarray(values[some], '<f4').tobytes())
    write(words)
