"""word2vec's binary (Mikolov et al. 2013, arXiv 1301.3781): the line that its text has too, and then for each word the
word, a space, and its numbers as little-endian float32. word2vec writes a line feed after them, and gensim none.
"""

from collections.abc import Callable

import numpy as np

from posbench.word_vectors.formats import text
from posbench.word_vectors.formats.rows import Rows, Table, Wanted, check_sizes, show
from posbench.word_vectors.formats.stream import Stream

LONGEST_WORD = 2**16
# No word has them: word2vec takes words apart there.
NOT_IN_WORDS = b'\0\t\n\r'


def read(stream: Stream, wanted: Wanted) -> Table:
    """All words; FormatError for one that is none, and for a first line that claims what is not there."""
    claimed = text.header(stream)
    if claimed is None:
        raise stream.error('wanted a line with the number of words and their width, as in 400000 300')
    count, width = claimed
    check_sizes(stream, count, width, offset=0)
    stream.read(stream.peek(100).index(b'\n') + 1)
    if stream.size is not None and stream.size - stream.offset < count * (4 * width + 1):
        left = stream.size - stream.offset
        raise stream.error(f'{left:,} bytes are left, too few for the {count:,} words of {width:,} numbers of line 1')
    rows = Rows(stream, wanted, width, 4 * width + 1, count)
    held = b''
    while rows.seen < count and not rows.is_full:
        start = stream.offset - len(held)
        data = stream.read()
        held += data
        most = (count if rows.limit is None else rows.limit) - rows.seen
        words, vectors, ends = _rows(held, width, most)
        if words:
            vectors_ND = np.frombuffer(b''.join(vectors), '<f4').reshape(-1, width)
            offsets = [start, *(start + end for end in ends)]
            _check(stream, words, offsets)
            rows.add_rows(words, vectors_ND, lambda i, offsets=offsets: {'offset': offsets[i]})
            held = held[ends[-1] :]
        if rows.seen < count and not rows.is_full:
            at = stream.offset - len(held)
            if not data:
                raise stream.error(f'the file ends within word {rows.seen + 1:,} of {count:,}', at)
            if b' ' not in held[: LONGEST_WORD + 1] and len(held) > LONGEST_WORD:
                raise stream.error(f'got {show(held[:40])}, wanted a word and a space', at)
    if not rows.is_full and (held or stream.peek(1)) and held + stream.peek(2 - len(held[:2])) != b'\n':
        raise stream.error(f'bytes are left after the {count:,} words that line 1 says', stream.offset - len(held))
    return rows.table()


def _rows(data: bytes, width: int, most: int) -> tuple[list[bytes], list[memoryview], list[int]]:
    """The rows that `data` begins with: words, bytes of vectors, and where each row ends."""
    words, vectors, ends, at, view = [], [], [], 0, memoryview(data)
    while len(words) < most:
        space = data.find(b' ', at, at + LONGEST_WORD + 1)
        end = space + 1 + 4 * width
        if space < 0 or end > len(data):
            break
        words.append(data[at + 1 : space] if data[at] == 10 else data[at:space])
        vectors.append(view[space + 1 : end])
        ends.append(end)
        at = end
    return words, vectors, ends


def _check(stream: Stream, words: list[bytes], offsets: list[int]) -> None:
    if b''.join(words).translate(None, NOT_IN_WORDS) != b''.join(words):
        for word, offset in zip(words, offsets):
            if set(word) & set(NOT_IN_WORDS):
                raise stream.error(f'got {show(word)}, wanted a word without line feeds, tabs and NULs', offset)


def write(write: Callable[[bytes], None], table) -> None:
    """The file, part by part. ValueError for a word that it cannot hold."""
    for word in table.words:
        if not word or set(word) & {' ', *map(chr, NOT_IN_WORDS)} or len(word.encode()) > LONGEST_WORD:
            raise ValueError(f'got the word {word!r}, which word2vec_binary cannot hold; safetensors can')
    write(f'{len(table.words)} {table.vectors_VD.shape[1]}\n'.encode())
    for some in text.batches(table.vectors_VD):
        rows = zip(table.words[some], table.vectors_VD[some].astype('<f4'))
        write(b''.join(b'%b %b' % (word.encode(), row_D.tobytes()) for word, row_D in rows))
