"""Rows of text, as word2vec, GloVe and fastText write them: a word, a space, and numbers with a space between them.

A word may have spaces (GloVe's 840B has '. . .' and 'at name@domain.com'), as the numbers are counted from the end.
What follows such a space is nothing that looks like a number: a row with a number too many is no word with a space.
"""

import re
from collections.abc import Callable, Iterator

import numpy as np

from posbench.word_vectors.formats import digits
from posbench.word_vectors.formats.rows import Rows, Table, show
from posbench.word_vectors.formats.stream import CHUNK, FormatError, Stream

NUMBER = re.compile(rb'[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?')
LIKE_A_NUMBER = re.compile(rb'[+-]?(\.?[0-9]|nan$|inf$|infinity$)', re.IGNORECASE)
# The two numbers of word2vec's first line.
HEADER = re.compile(rb'[ \t]*([0-9]{1,18})[ \t]+([0-9]{1,18})[ \t]*\r?\n')
# Lines that are read at once, which matters where they are empty.
AT_ONCE = 2**14
MARK = b'\xef\xbb\xbf'


def header(stream: Stream) -> tuple[int, int] | None:
    """The words and the width that the first line claims; None where it is none. It stays to be read."""
    found = HEADER.match(stream.peek(80).removeprefix(MARK))
    return found and (int(found[1]), int(found[2]))


def read(stream: Stream, rows: Rows, width: int, skip: int = 0, most: int | None = None) -> Table:
    """All rows after the first `skip` lines.

    Raises FormatError with the line of a row that is none, and of one that is more than the `most` that may come.
    """
    for line, block in stream.blocks():
        lines = _lines(block)
        if line == 1:
            lines[0] = lines[0].removeprefix(MARK)
            del lines[:skip]
            line += skip
        if most is not None and rows.seen + len(lines) > most and rows.limit is None:
            # Those that may come are looked at first, since there may be a better reason.
            may, more = lines[: most - rows.seen], lines[most - rows.seen]
            _add(stream, rows, may, width, line)
            message = f'got a row more than the {most:,} that line 1 says: {show(more[:80])}'
            raise FormatError(stream.path, message, line=most + skip + 1)
        _add(stream, rows, lines, width, line)
        if rows.is_full:
            break
    return rows.table()


def _add(stream: Stream, rows: Rows, lines: list[bytes], width: int, line: int) -> None:
    lines = rows.first(lines)
    for start in range(0, len(lines), AT_ONCE):
        some, first = lines[start : start + AT_ONCE], line + start
        parsed = _fast(some, width, _at_first_space) or _fast(some, width, _cut) or _exact(stream, some, width, first)
        rows.add_rows(*parsed, lambda i, first=first: {'line': first + i})


def _lines(block: bytes) -> list[bytes]:
    """The lines of a block without their ends, whatever the system is called, and without a space before them."""
    if b'\r\n' in block:
        block = block.replace(b'\r\n', b'\n')
    if b' \n' in block:
        # fastText and word2vec write one after every number.
        block = block.replace(b' \n', b'\n')
    return block[:-1].split(b'\n')


def _at_first_space(line: bytes, width: int) -> tuple[bytes, bytes]:
    """The word and the numbers of almost all lines."""
    return line.partition(b' ')[::2]


def _cut(line: bytes, width: int) -> tuple[bytes, bytes]:
    """The word, which may have spaces, and the numbers of a line; no numbers where they are too few or too many."""
    word, *numbers = line.rsplit(b' ', width)
    return word, b' '.join(numbers) if len(numbers) == width and _is_word(word) else b''


def _is_word(word: bytes) -> bool:
    """Whether it may stand before numbers: single spaces at most, and nothing like a number after one."""
    parts = word.split(b' ')
    return b'' not in parts and not any(map(LIKE_A_NUMBER.match, parts[1:]))


def _fast(lines: list[bytes], width: int, cut: Callable) -> tuple[list[bytes], np.ndarray] | None:
    """The words and vectors of lines, all at once; None where a line is not what `cut` takes it for."""
    words, numbers = zip(*[cut(line, width) for line in lines])
    if b'' in words or b'\0' in b''.join(words):
        return None
    found = digits.read(b' '.join(numbers))
    if found is None:
        return None
    values_N, ends_N = found
    # Each line has as many numbers as all others.
    ends_L = np.cumsum([len(row) + 1 for row in numbers]) - 1
    if not np.array_equal(ends_N[width - 1 :: width], ends_L):
        return None
    return words, values_N.reshape(-1, width)


def _exact(stream: Stream, lines: list[bytes], width: int, first: int) -> tuple[list[bytes], np.ndarray]:
    """As `_fast`, a number at a time; FormatError for the first line that is none."""
    words, values_ND = [], np.empty((len(lines), width), np.float32)
    for i, line in enumerate(lines):
        if fault := _fault(line, width):
            raise FormatError(stream.path, fault, line=first + i)
        word, numbers = _cut(line, width)
        words.append(word)
        with np.errstate(over='ignore'):
            values_ND[i] = [float(number) for number in numbers.split(b' ')]
    return words, values_ND


def _fault(line: bytes, width: int) -> str | None:
    """What is wrong with a line, if anything is."""
    if not line.strip(b' \t\r'):
        return 'it is empty; wanted a word and its vector'
    if b'\0' in line:
        return f'got a NUL in {show(line[:80])}, wanted text in UTF-8 (UTF-16 has them)'
    if b' ' not in line and b'\t' in line:
        return f'got tabs and no spaces in {show(line[:80])}, wanted spaces between the numbers'
    word, numbers = _cut(line, width)
    if b'' in (fields := line.split(b' ')):
        return f'got two spaces together or one at the start of {show(line[:80])}, wanted one before each number'
    if not numbers:
        return f'got {len(fields) - 1:,} numbers after {show(fields[0])}, wanted {width:,}'
    for j, number in enumerate(numbers.split(b' ')):
        if not NUMBER.fullmatch(number):
            return f'got {show(number)} as number {j + 1} of {show(word)}, wanted a finite decimal number'
    return None


def width_of(stream: Stream) -> int:
    """The numbers of a row where no header says so: what most of the first rows end in, and the first of them at a tie.

    A word that is a number is none of them, and a word with spaces takes none away.
    """
    head = stream.peek(CHUNK).removeprefix(MARK)
    end = head.rfind(b'\n') + 1
    counts = {}
    for line in _lines(head[:end])[:1000] if end else []:
        fields = line.split(b' ')
        numbers = next((n for n, field in enumerate(reversed(fields)) if not NUMBER.fullmatch(field)), len(fields) - 1)
        width = min(numbers, len(fields) - 1)
        counts[width] = counts.get(width, 0) + 1
    counts.pop(0, None)
    if not counts:
        line = head.partition(b'\n')[0]
        raise FormatError(stream.path, _fault(line, 1) or f'got {show(line[:80])}, wanted a word and numbers', line=1)
    return max(counts, key=counts.get)


def check_words(words: list[str]) -> None:
    """ValueError for a word that could not be read back from rows of text."""
    for word in words:
        if set(word) & set('\n\0') or word[-1:] == '\r' or not _is_word(word.encode()):
            raise ValueError(f'got the word {word!r}, which rows of text cannot hold; safetensors can')


def write(write: Callable[[bytes], None], table, end: str = '\n') -> None:
    """Rows, with the fewest digits that are read back as the same float32."""
    for some in batches(table.vectors_VD):
        rows = zip(table.words[some], table.vectors_VD[some])
        write(''.join(f'{word} {" ".join(map(str, row_D))}{end}' for word, row_D in rows).encode())


def batches(vectors_VD: np.ndarray) -> Iterator[slice]:
    """Slices of about a quarter of a million numbers, one after another."""
    step = max(1, 2**18 // max(1, vectors_VD.shape[1]))
    return (slice(start, start + step) for start in range(0, len(vectors_VD), step))
