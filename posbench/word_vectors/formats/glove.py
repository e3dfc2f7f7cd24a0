"""GloVe's text (Pennington, Socher and Manning, EMNLP 2014): rows, and nothing before them."""

from collections.abc import Callable

from posbench.word_vectors.formats import text
from posbench.word_vectors.formats.rows import Rows, Table, Wanted, check_sizes
from posbench.word_vectors.formats.stream import Stream


def read(stream: Stream, wanted: Wanted) -> Table:
    """All rows; FormatError for one that is none, and for one that is wider or narrower than most of the first are."""
    width = text.width_of(stream)
    check_sizes(stream, 1, width, line=1)
    return text.read(stream, Rows(stream, wanted, width, _bytes_of_a_row(stream)), width)


def _bytes_of_a_row(stream: Stream) -> int:
    """About as many as those of the first rows."""
    head = stream.peek(2**20)
    return max(1, len(head) // (head.count(b'\n') + 1))


def write(write: Callable[[bytes], None], table) -> None:
    """The file, part by part. ValueError for a word that it cannot hold."""
    text.check_words(table.words)
    text.write(write, table)
