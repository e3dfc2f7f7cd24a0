"""What a file of word vectors says, by the plainest reader of each format: all of it in memory, a number at a time.

Tests and benchmarks/fuzz_vectors.py hold posbench's readers to it, and it shares no code with them.
"""

import bz2
import gzip
import json
import lzma
import re
import struct

import numpy as np
import safetensors.numpy

NUMBER = re.compile(r'[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?', re.ASCII)
NUMERIC = re.compile(r'[+-]?(\.?\d|(nan|inf|infinity)$)', re.ASCII | re.IGNORECASE)
LONGEST, WIDEST = 2**20, 2**20


class Refused(Exception):
    """This is no such file."""


def want(condition, why: str = '') -> None:
    if not condition:
        raise Refused(why)


def read(data: bytes, format: str) -> tuple[list[str], np.ndarray, dict]:
    """Words, vectors, and vectors of some words that may be unknown, by word; Refused where a reader has to say no."""
    try:
        data = unpacked(data)
        # An archive, though these might be letters of a word.
        want(not data.startswith(b'PK\x03\x04'), 'zip')
        rows, unknown = READERS[format](data)
    except (UnicodeDecodeError, struct.error, safetensors.SafetensorError, ValueError, OverflowError) as error:
        raise Refused(str(error)) from None
    words = [word for word, _ in rows]
    want(words, 'no words')
    want(len(set(words)) == len(words), 'duplicates')
    vectors = np.array([vector for _, vector in rows], np.float32)
    want(np.isfinite(vectors).all(), 'not finite')
    return words, vectors, unknown


def unpacked(data: bytes) -> bytes:
    try:
        if data[:2] == b'\x1f\x8b':
            return gzip.decompress(data)
        for magic, new in ((b'BZh', bz2.BZ2Decompressor), (b'\xfd7zXZ\0', lzma.LZMADecompressor)):
            if data.startswith(magic):
                out = b''
                while data:
                    one = new()
                    out += one.decompress(data)
                    want(one.eof, 'cut')
                    data = one.unused_data
                return out
    except Exception as error:
        raise Refused(f'damaged: {error}') from None
    return data


def number(text: str) -> float:
    want(NUMBER.fullmatch(text), f'{text[:50]!r} is no number')
    with np.errstate(over='ignore'):
        return np.float32(float(text))


def lines(data: bytes) -> list[bytes]:
    want(data.endswith(b'\n'), 'no line feed at the end')
    whole = data[:-1].split(b'\n')
    want(max(map(len, whole)) <= LONGEST, 'too long')
    whole[0] = whole[0].removeprefix(b'\xef\xbb\xbf')
    return [line.removesuffix(b'\r').removesuffix(b' ') for line in whole]


def row(line: bytes, width: int) -> tuple[str, list[float]]:
    # What is no UTF-8 is no number either.
    fields = line.decode('utf-8').split(' ')
    want(b'\0' not in line, 'NUL')
    word, numbers = fields[:-width], fields[-width:]
    want(word and all(word) and len(numbers) == width, 'short, or two spaces')
    want(not any(NUMERIC.match(part) for part in word[1:]), 'long')
    return ' '.join(word), [number(text) for text in numbers]


def sizes(line: bytes) -> tuple[int, int]:
    found = re.fullmatch(rb'[ \t]*(\d{1,18})[ \t]+(\d{1,18})[ \t]*\r?', line)
    want(found and len(line) < 70, 'header')
    count, width = int(found[1]), int(found[2])
    want(count >= 1 and 1 <= width <= WIDEST, 'sizes')
    return count, width


def word2vec_text(data: bytes):
    count, width = sizes(data.removeprefix(b'\xef\xbb\xbf').split(b'\n')[0])
    rows = [row(line, width) for line in lines(data)[1:]]
    want(len(rows) == count, 'another number of rows')
    return rows, {}


def glove(data: bytes):
    widths = {}
    whole = lines(data)
    # Those that are whole within the first MiB.
    for line in whole[: min(1000, data[:LONGEST].count(b'\n'))]:
        fields = line.split(b' ')
        trailing = 0
        while trailing < len(fields) - 1 and NUMBER.fullmatch(fields[-1 - trailing].decode('latin-1')):
            trailing += 1
        if trailing:
            widths[trailing] = widths.get(trailing, 0) + 1
    want(widths, 'no rows')
    width = next(width for width, often in widths.items() if often == max(widths.values()))
    return [row(line, width) for line in whole], {}


def word2vec_binary(data: bytes):
    head, _, rest = data.removeprefix(b'\xef\xbb\xbf').partition(b'\n')
    want(rest, 'cut')
    count, width = sizes(head)
    want(count <= len(rest), 'cut')
    rows = []
    for _ in range(count):
        rest = rest.removeprefix(b'\n')
        word, space, rest = rest.partition(b' ')
        want(space and len(word) <= 2**16 and len(rest) >= 4 * width, 'cut')
        want(word and not set(word) & set(b'\0\t\n\r'), 'word')
        rows.append((word.decode('utf-8'), struct.unpack(f'<{width}f', rest[: 4 * width])))
        rest = rest[4 * width :]
    want(rest in (b'', b'\n'), 'bytes are left')
    return rows, {}


UNKNOWN = ['never', 'é', '漢字漢', 'x' * 12, '']


def fasttext_bin(data: bytes):
    at = 0

    def take(layout):
        nonlocal at
        values = struct.unpack_from('<' + layout, data, at)
        at += struct.calcsize('<' + layout)
        return values

    def matrix(rows, width):
        want(0 <= rows < 2**40 and len(data) - at >= 4 * rows * width, 'cut')
        return np.array(take(f'{rows * width}f'), np.float32).reshape(rows, width)

    is_new = data[:4] == struct.pack('<i', 793712314)
    if is_new:
        _, version = take('2i')
        want(1 <= version <= 12, 'version')
    width, _, _, _, _, _, _, model, buckets, minn, maxn, _, _ = take('12id')
    want(model in (1, 2) and 1 <= width <= WIDEST and buckets >= 0 and 0 <= minn <= 1024 and 0 <= maxn <= 1024)
    size, count, labels, _ = take('3iq')
    want(size == count >= 1 and not labels, 'labels')
    if is_new:
        want(take('q')[0] < 0, 'pruned')
    words = []
    for _ in range(count):
        end = data.index(b'\0', at)
        want(end - at <= 2**16)
        words.append(data[at:end].decode('utf-8'))
        want('\n' not in words[-1], 'line feed')
        at = end + 1
        want(take('qb')[1] == 0, 'kind')
    if is_new:
        want(take('b') == (0,), 'quantised')
    want(take('2q') == (count + buckets, width), 'shape')
    table = matrix(count + buckets, width)
    want(np.isfinite(table).all(), 'not finite')
    if is_new:
        want(take('b') == (0,), 'quantised')
    rows, columns = take('2q')
    want(columns == width, 'output')
    matrix(rows, width)
    want(at == len(data), 'bytes are left')

    vectors = table[:count].copy()
    for i, word in enumerate(words):
        if buckets and not (is_new and word == '</s>'):
            found = list(buckets_of(word, buckets, minn, maxn))
            with np.errstate(over='ignore'):
                for bucket in found:
                    vectors[i] += table[count + bucket]
            vectors[i] /= np.float32(len(found) + 1)
    return list(zip(words, vectors)), {word: of_ngrams(word, table[count:], minn, maxn) for word in UNKNOWN}


def buckets_of(word: str, buckets: int, minn: int, maxn: int):
    letters = f'<{word}>'
    for first in range(len(letters)):
        for end in range(first + max(minn, 1), min(first + maxn, len(letters)) + 1):
            if end - first > 1 or 0 < first < len(letters) - 1:
                value = 2166136261
                for byte in letters[first:end].encode():
                    value = (value ^ byte ^ (0xFFFFFF00 if byte > 127 else 0)) * 16777619 % 2**32
                yield value % buckets


def of_ngrams(word: str, table: np.ndarray, minn: int, maxn: int) -> np.ndarray | None:
    found = list(buckets_of(word, len(table), minn, maxn)) if len(table) else []
    total = np.zeros(table.shape[1], np.float32)
    with np.errstate(over='ignore'):
        for bucket in found:
            total += table[bucket]
    return total / np.float32(len(found)) if found else None


def of_safetensors(data: bytes):
    tensors = safetensors.numpy.load(data)
    want(all(values.dtype in (np.float32, np.uint8) for values in tensors.values()), 'dtype')
    want('vectors' in tensors and 'words' in tensors, 'tensors')
    vectors, words = tensors['vectors'], tensors['words']
    want(
        vectors.dtype == np.float32
        and vectors.ndim == 2
        and vectors.size
        and words.dtype == np.uint8
        and words.ndim == 1
    )
    words = words.tobytes().decode('utf-8').split('\n')
    want(len(words) == len(vectors))
    if 'ngram_vectors' in tensors or 'word_rows' in tensors:
        metadata = json.loads(data[8 : 8 + int.from_bytes(data[:8], 'little')]).get('__metadata__', {})
        want(all(re.fullmatch('[0-9]{1,3}', metadata.get(name, '')) for name in ('minn', 'maxn')), 'n-grams')
        table, rows = tensors.get('ngram_vectors'), tensors.get('word_rows')
        want(table is not None and rows is not None and rows.shape == vectors.shape and table.ndim == 2, 'n-grams')
        want(table.shape[1] == vectors.shape[1] and table.dtype == rows.dtype == np.float32, 'n-grams')
        want(np.isfinite(table).all() and np.isfinite(rows).all(), 'not finite')
        limits = int(metadata['minn']), int(metadata['maxn'])
        return list(zip(words, vectors)), {word: of_ngrams(word, table, *limits) for word in UNKNOWN}
    return list(zip(words, vectors)), {}


READERS = {
    'word2vec_text': word2vec_text,
    'fasttext_text': word2vec_text,
    'word2vec_binary': word2vec_binary,
    'glove': glove,
    'fasttext_bin': fasttext_bin,
    'safetensors': of_safetensors,
}
