"""Damages small files of word vectors at random and checks that each is refused in one line or read exactly.

    python -m benchmarks.fuzz_vectors --trials=100000 --seed=0 --jobs=2       # some minutes on two cores

Wanted of each: a FormatError of one line with the file and the line or the byte, or words and vectors that are to the
bit what the plainest reader of that format (tests/word_vectors/slow.py) finds in the damaged file; no vector is
accepted that it refuses, and no file refused that it accepts. Half of the trials name the format, and half have it
told. A trial has SECONDS, and MEMORY more than what an idle process has. Prints a markdown table of kinds and
outcomes, and what misbehaved with its number: `--only=17` runs that one alone, and says more. Exit code 0 if all
behave, else 1.
"""

import argparse
import bz2
import collections
import gzip
import importlib
import lzma
import multiprocessing
import os
import pathlib
import random
import re
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings

import numpy as np
import safetensors.numpy

from posbench import word_vectors
from posbench.word_vectors import formats, ngrams
from tests.word_vectors import slow

SECONDS, MEMORY = 20.0, 192 * 2**20
OUTCOMES = ('refused', 'read exactly', 'refused in vain', 'misbehaves')
WORDS = (
    'the', 'of', 'naïve', '日本', 'a', '</s>', '2007', '...', 'ночь', 'I', '<unk>', '1.5', 'x-ray', '👩‍👩‍👧', 'e\u0301',
    'ß',
)  # fmt: skip
TEXT = ('word2vec_text', 'glove', 'fasttext_text')
PACKERS = (gzip.compress, bz2.compress, lzma.compress)
NUMBERS = (
    'nan', 'NaN', '-nan', 'inf', '-Infinity', '1e400', '1e39', '-1e39', '3.4028235e38', '1e-46', '1e-400', '1_0',
    '0x1', '٣', '½', '', ' ', '1,5', '--1', '+-1', '1.2.3', '1.0-2.0', '.', '-', '+', 'e5', '1e', '1e+', '1.e5', '.5',
    '5.', '+.5e-3', '-0.0', '0', '00012', '1' * 400, '0.' + '3' * 400, '16777217', '0.1\0', '1\t2', '1f', '1d', 'None',
    '1.0\x0b', '9007199254740993.0', '0.30000001192092896', '99999999.99999999', '1.0\u00a0', 'true', '1e5', '-.0',
    '1 .0',
)  # fmt: skip
COUNTS = (
    '0', '-1', '1', '2', '1000', '2147483647', '4294967296', '999999999999999999', '9' * 30, '1e3', '5.0', '', ' ',
    'x', '٣', '0x5', '1_0', '+4', '00004',
)  # fmt: skip
FLOATS = (0x7F800000, 0xFF800000, 0x7FC00000, 0x7F7FFFFF, 1, 0x80000000, 0x20202020, 0x0A0A0A0A, 0, 0x3F800000)
BYTES = (
    b'\xff', b'\xe9', b'\xc0\xaf', b'\xed\xa0\x80', b'\xf4\x90\x80\x80', b'\xe6\x97', b'\x80', b'\0', b'\x1b', b'\x85',
)  # fmt: skip
FOREIGN = (
    b'\x80\x04\x95\x10\0\0\0', b'ccopy_reg\n_reconstructor\n', b'(dp0\n', b'\x93NUMPY\x01\0', b'PK\x03\x04',
    b'\x89HDF\r\n', b'\xff\xfe', b'\xfe\xff', b'<html>\n', b'\x28\xb5\x2f\xfd', b'\x1f\x8b\x08', b'BZh9', b'\xfd7zXZ\0',
    b'GIF89a', b'{"a": 1}\n',
)  # fmt: skip


def valid(rng: random.Random) -> tuple[str, bytes]:
    """A small file of some format, and which."""
    format = rng.choice(formats.names())
    words = rng.sample(WORDS, rng.randint(2, 8))
    if format == 'glove' and rng.random() < 0.3:
        words += ['. . .', 'at name@domain.com']
    values = np.random.default_rng(rng.getrandbits(32))
    width = rng.randint(1 if format != 'glove' else 2, 6)
    vectors = values.normal(size=(len(words), width)).astype(np.float32)
    if rng.random() < 0.5:
        vectors = np.round(vectors * 10 ** rng.randint(0, 4), rng.randint(0, 5))
    grams = None
    if format in ('fasttext_bin', 'safetensors') and rng.random() < 0.7:
        table = values.normal(size=(rng.randint(1, 12), width)).astype(np.float32)
        minn = rng.randint(0, 3)
        grams = ngrams.NGrams(table, vectors, minn, minn + rng.randint(0, 3))
        if grams.maxn:
            vectors = grams.compose(words, without=('</s>',))
        else:
            grams = None
    # As it is written, but for the file: a disk that is waited for takes longer than all else.
    parts = []
    module = importlib.import_module(f'posbench.word_vectors.formats.{format}')
    module.write(parts.append, formats.Table(words, vectors, grams))
    data = b''.join(parts)
    if format == 'fasttext_bin' and rng.random() < 0.3:
        data = _old(data, len(words), width, 0 if grams is None else len(grams.vectors_BD))
    if format == 'safetensors' and rng.random() < 0.3:
        # As another writer does it, with a tensor that nobody asks for.
        other = values.normal(size=rng.choice([(), (3,), (2, 2)])).astype(np.float32)
        about = {} if grams is None else {'minn': str(grams.minn), 'maxn': str(grams.maxn)}
        data = safetensors.numpy.save(safetensors.numpy.load(data) | {'other': other}, about)
    if format == 'word2vec_binary' and rng.random() < 0.5:
        rows = _rows(data, format)
        data = rows[0] + b'\n'.join(rows[1:]) + b'\n'
    return format, data


def _old(data: bytes, count: int, width: int, buckets: int) -> bytes:
    """A model as fastText wrote it before it had a magic number, without what came with that."""
    at = 8 + 56 + 20
    start = at + 8
    end = start
    for _ in range(count):
        end = data.index(b'\0', end) + 10
    size = 16 + 4 * (count + buckets) * width
    return data[8:at] + data[start:end] + data[end + 1 :][:size] + data[end + 1 + size + 1 :]


def _rows(data: bytes, format: str) -> list[bytes]:
    """The parts that make sense to move: a header, if there is one, and rows; or else pieces of 16 bytes."""
    if format in TEXT:
        return data.splitlines(keepends=True)
    if format == 'word2vec_binary':
        head, _, rest = data.partition(b'\n')
        width, rows = int(head.split()[1]), [head + b'\n']
        while rest:
            # A line feed may be left.
            end = max(1, rest.find(b' ') + 1) + 4 * width
            rows.append(rest[:end])
            rest = rest[end:]
        return rows
    return [data[i : i + 16] for i in range(0, len(data), 16)]


def _put(data: bytes, at: int, new: bytes, over: int = 0) -> bytes:
    return data[:at] + new + data[at + over :]


def _anywhere(rng: random.Random, data: bytes) -> int:
    return rng.randrange(len(data) + 1)


# Each takes a valid file and makes another of it.


def untouched(rng, data, format):
    return data


def flipped_bits(rng, data, format):
    for _ in range(rng.choice([1, 1, 1, 2, 8])):
        at = rng.randrange(len(data))
        data = _put(data, at, bytes([data[at] ^ 1 << rng.randrange(8)]), 1)
    return data


def truncation(rng, data, format):
    return data[: _anywhere(rng, data)]


def bytes_added_or_lost(rng, data, format):
    at = _anywhere(rng, data)
    if rng.random() < 0.5:
        return _put(data, at, b'', rng.randint(1, 9))
    return _put(data, at, rng.choice([rng.randbytes(rng.randint(1, 5)), b'\n', b' ', b'\0', b'.', b'1', b'-', b'e']))


def rows_moved(rng, data, format):
    rows = _rows(data, format)
    i, j = rng.randrange(len(rows)), rng.randrange(len(rows))
    match rng.randrange(3):
        case 0:
            del rows[i]
        case 1:
            rows.insert(j, rows[i])
        case 2:
            rows[i], rows[j] = rows[j], rows[i]
    return b''.join(rows)


def headers_that_lie(rng, data, format):
    if format == 'fasttext_bin':
        at = 4 * rng.randrange(0, 24)
        near = struct.unpack_from('<i', data, at)[0] + rng.choice([-1, 1]) & 0xFFFFFFFF
        value = rng.choice([0, 1, 2, 3, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, near, near])
        return _put(data, at, struct.pack('<I', value), 4)
    if format == 'safetensors':
        length = int.from_bytes(data[:8], 'little')
        if rng.random() < 0.2:
            return _put(data, 0, struct.pack('<Q', rng.choice([0, 1, length - 1, length + 1, 2**40, 2**63, 10**8])), 8)
        header, places = data[8 : 8 + length], [*re.finditer(rb'\d+|F32|U8|vectors|words|:|\[|"', data[8 : 8 + length])]
        place = rng.choice(places)
        new = rng.choice(
            [b'0', b'1', b'-1', b'F16', b'U8', b'F32', b'null', b'words', b'1e3', b'9' * 20, b'true', b'[', b'""']
        )
        header = _put(header, place.start(), new, len(place[0]))
        return struct.pack('<Q', len(header)) + header + data[8 + length :]
    if format == 'glove':
        return f'{rng.choice(COUNTS)} {rng.choice(COUNTS)}\n'.encode() + data
    head, _, rest = data.partition(b'\n')
    sizes = head.decode().split()
    i = rng.randrange(2)
    sizes[i] = rng.choice([*COUNTS, str(int(sizes[i]) + 1), str(int(sizes[i]) - 1), sizes[1 - i]])
    return rng.choice([' ', ' ', ' ', '  ', '\t', ', ']).join(sizes).encode() + b'\n' + rest


def numbers_changed(rng, data, format):
    if format not in TEXT:
        at = max(0, len(data) - 1 - rng.randrange(min(len(data), 200)))
        return _put(data, at, struct.pack('<I', rng.choice(FLOATS)), 4)
    rows = _rows(data, format)
    i = rng.randrange(len(rows))
    fields = rows[i].split(b' ')
    j = rng.randrange(len(fields))
    end = b'\n' if fields[j].endswith(b'\n') else b''
    new = rng.choice(NUMBERS).encode()
    fields[j] = rng.choice([new, new, fields[j].strip() + new]) + end
    rows[i] = b' '.join(fields)
    return b''.join(rows)


def rows_too_long_or_short(rng, data, format):
    rows = _rows(data, format)
    i = rng.randrange(len(rows))
    body, end = rows[i].rstrip(), rows[i][len(rows[i].rstrip()) :]
    match rng.randrange(4):
        case 0:
            rows[i] = body + b' ' + rng.choice([b'0.5', b'7', b'word', b'-', b'0x', b'']) + end
        case 1:
            rows[i] = body.rpartition(b' ')[0] + end
        case 2:
            rows[i] = body.partition(b' ')[2] + end
        case 3:
            rows[i] = (
                body.replace(b' ', rng.choice([b'  ', b'\t', b',', b'\xc2\xa0', b'\x0b']), rng.choice([1, -1])) + end
            )
    return b''.join(rows)


def words_changed(rng, data, format):
    old = rng.choice(WORDS).encode()
    new = rng.choice(
        [*WORDS, '', ' ', '. .', 'a b', 'a 7', 'a nan', 'a -x', 'a\tb', 'a\nb', '\u2028', '\x85', '\ufeff']
    ).encode()
    return data.replace(old, new, 1)


def encodings(rng, data, format):
    match rng.randrange(4) if format in TEXT else rng.choice([0, 3]):
        case 0:
            return _put(data, _anywhere(rng, data), rng.choice(BYTES))
        case 1:
            return data.decode('utf-8', 'replace').encode(rng.choice(['utf-16', 'utf-16-le', 'utf-32', 'utf-7']))
        case 2:
            return data.decode('utf-8', 'replace').encode(rng.choice(['latin-1', 'cp1251', 'shift_jis']), 'replace')
        case 3:
            old = rng.choice(WORDS).encode()
            return data.replace(old, old[:-1], 1)


def line_ends_and_marks(rng, data, format):
    match rng.randrange(6):
        case 0:
            return data.replace(b'\n', b'\r\n')
        case 1:
            return data.replace(
                b'\n',
                rng.choice([b'\r', b'\n\n', b' \n', b'  \n', b' \r\n', b'\r\r\n', b'\x0b\n']),
                rng.choice([1, -1]),
            )
        case 2:
            return b'\xef\xbb\xbf' + data
        case 3:
            return data.rstrip(b'\n')
        case 4:
            return data + rng.choice([b'\n', b' ', b'\r\n', b'\0', b'\x1a'])
        case 5:
            return rng.choice([b'\n', b' ', b'\t', b'\r\n', b'\xef\xbb\xbf\xef\xbb\xbf']) + data


def huge_tokens(rng, data, format):
    size = rng.choice([1000, 9000, 65_535, 65_536, 65_537])
    if rng.random() < 0.05:
        size = rng.choice([2**20 - 5, 2**20, 2**21])
    token = rng.choice([b'a', b'1', b'\xe6\x97\xa5', b' ', b'. ', b'\0', b'\n', b'0 ']) * size
    return _put(data, _anywhere(rng, data), token[:size])


def files_joined(rng, data, format):
    return data + (data if rng.random() < 0.5 else rng.choice(FOREIGN))


def foreign(rng, data, format):
    start = rng.choice(FOREIGN)
    return start + rng.choice([b'', data, data[len(start) :], rng.randbytes(64)])


def noise(rng, data, format):
    return rng.choice(
        [b'', rng.randbytes(rng.randint(1, 300)), bytes(rng.randint(1, 300)), b' ' * 50, b'\n' * 50, b'1 ' * 99]
    )


def compressed_streams(rng, data, format):
    packed = rng.choice(PACKERS)(data)
    match rng.randrange(5):
        case 0:
            return flipped_bits(rng, packed, format)
        case 1:
            return truncation(rng, packed, format)
        case 2:
            return packed + rng.choice(
                [b'\0', b'x', packed, rng.choice(PACKERS)(b''), packed[: len(packed) // 2], b'\0' * 512]
            )
        case 3:
            return packed
        case 4:
            half = len(data) // 2
            pack = rng.choice(PACKERS)
            return pack(data[:half]) + flipped_bits(rng, pack(data[half:]), format)


KINDS = (
    untouched, flipped_bits, truncation, bytes_added_or_lost, rows_moved, headers_that_lie, numbers_changed,
    rows_too_long_or_short, words_changed, encodings, line_ends_and_marks, huge_tokens, files_joined, foreign, noise,
    compressed_streams,
)  # fmt: skip


def draw(number: int, seed: int) -> tuple[str, str, bytes, bool]:
    """The trial of a number: its kind, a format, a file, and whether the format is named."""
    rng = random.Random(f'{seed} {number}')
    kind = KINDS[number % len(KINDS)]
    format, data = valid(rng)
    data = kind(rng, data, format)
    if kind is not compressed_streams and rng.random() < 0.15:
        data = rng.choice(PACKERS)(data)
    return kind.__name__.replace('_', ' '), format, data, rng.random() < 0.5


def outcome(path: pathlib.Path, format: str, data: bytes, is_named: bool) -> tuple[str, str]:
    """What becomes of a file, and what is said of it."""
    path.write_bytes(data)
    truth = _truth(data, format)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('error')
            found = word_vectors.load(path, format=format if is_named else None)
    except word_vectors.FormatError as error:
        message = str(error)
        if not message.startswith(str(path)) or len(message.splitlines()) != 1 or len(message) > 600:
            return 'misbehaves', f'what it says: {message[:700]!r}'
        if (error.line is None) == (error.offset is None) or 'not enough memory' in message:
            return 'misbehaves', f'where it is, or how much: {message}'
        return ('refused', message) if isinstance(truth, str) else ('refused in vain', message)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        frames = [f for f in traceback.extract_tb(error.__traceback__) if 'posbench' in f.filename]
        place = f'{pathlib.Path(frames[-1].filename).name}:{frames[-1].lineno}' if frames else ''
        return 'misbehaves', f'{type(error).__name__} {place}: {str(error)[:300]}'
    wanted = [truth]
    if isinstance(truth, str) and not is_named:
        # What is told by content may be of another format, if it is not of the first.
        wanted = [_truth(data, other) for other in formats.names()]
    for words, vectors, unknown in (one for one in wanted if not isinstance(one, str)):
        same = found.words == words and found.vectors_VD.tobytes() == vectors.tobytes()
        if same and all(_same(found.vector(word), vector) for word, vector in unknown.items() if word not in words):
            return 'read exactly', ''
    return 'misbehaves', f'accepted, {found!r} {found.words[:3]}; a plain reader of {format} says {truth[format]!r}'[
        :500
    ]


def _truth(data: bytes, format: str) -> tuple | str:
    """What the plainest reader finds, or why it finds nothing."""
    try:
        return slow.read(data, format)
    except slow.Refused as why:
        return str(why)


def _same(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    return a is b is None or (a is not None and b is not None and a.tobytes() == b.tobytes())


def _late(*_):
    raise TimeoutError(f'more than {SECONDS:g} s')


def _prepare() -> None:
    """A worker's memory, after its imports."""
    used = int(pathlib.Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    signal.signal(signal.SIGALRM, _late)


def _run(arguments: tuple[int, int, str]) -> tuple[int, str, str, str]:
    number, seed, folder = arguments
    place = pathlib.Path(folder) / str(os.getpid())
    place.mkdir(exist_ok=True)
    kind, format, data, is_named = draw(number, seed)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        what, said = outcome(place / 'vectors', format, data, is_named)
    except TimeoutError as error:
        what, said = 'misbehaves', str(error)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return number, kind, what, f'{format}{"" if is_named else ", told"}: {said}'


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--trials', type=int, default=100_000)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--jobs', type=int, default=2)
    parser.add_argument('--only', type=int, help='one trial, with its file')
    options = parser.parse_args(argv)
    counts, start = collections.Counter(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        if options.only is not None:
            kind, format, data, is_named = draw(options.only, options.seed)
            print(f'{kind}, {format}, {"named" if is_named else "told"}: {data[:2000]!r}')
        numbers = range(options.trials) if options.only is None else [options.only]
        with multiprocessing.get_context('spawn').Pool(options.jobs, _prepare) as pool:
            work = ((number, options.seed, folder) for number in numbers)
            for number, kind, what, said in pool.imap_unordered(_run, work, chunksize=50):
                counts[kind, what] += 1
                if what in OUTCOMES[2:] or options.only is not None:
                    print(f'{number} ({kind}), {what}, {said}', file=sys.stderr, flush=True)
    print(f'| kind | {" | ".join(OUTCOMES)} |\n| --- |{" ---: |" * len(OUTCOMES)}')
    for kind in sorted({kind for kind, _ in counts}):
        print(f'| {kind} | {" | ".join(f"{counts[kind, what]:,}" for what in OUTCOMES)} |')
    totals = [sum(count for (_, one), count in counts.items() if one == what) for what in OUTCOMES]
    print(f'| all | {" | ".join(f"{total:,}" for total in totals)} |')
    print(f'\n{sum(totals):,} of {len(numbers):,} trials in {time.monotonic() - start:.0f} s')
    return 1 if totals[2] or totals[3] or sum(totals) < len(numbers) else 0


if __name__ == '__main__':
    sys.exit(main())
