"""word2vec's text (Mikolov et al. 2013, arXiv 1301.3781): a line with the number of words and their width, and rows."""

from collections.abc import Callable

from posbench.word_vectors.formats import text
from posbench.word_vectors.formats.rows import Rows, Table, Wanted, check_sizes
from posbench.word_vectors.formats.stream import FormatError, Stream


def read(stream: Stream, wanted: Wanted) -> Table:
    """All rows; FormatError for one that is none, and for a first line that claims what is not there."""
    claimed = text.header(stream)
    if claimed is None:
        raise FormatError(stream.path, 'wanted the number of words and their width, as in 400000 300', line=1)
    count, width = claimed
    check_sizes(stream, count, width, line=1)
    rows = Rows(stream, wanted, width, 2 * width + 2, count)
    table = text.read(stream, rows, width, skip=1, most=count)
    if rows.seen < count and not rows.is_full:
        message = f'the file ends after {rows.seen:,} words; line 1 says {count:,}'
        raise FormatError(stream.path, message, line=rows.seen + 1)
    return table


def write(write: Callable[[bytes], None], table, end: str = '\n') -> None:
    """The file, part by part. ValueError for a word that it cannot hold."""
    text.check_words(table.words)
    write(f'{len(table.words)} {table.vectors_VD.shape[1]}\n'.encode())
    text.write(write, table, end)
