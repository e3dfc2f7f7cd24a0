"""fastText's .vec (Bojanowski et al. 2017, arXiv 1607.04606): word2vec's text, with a space before the end of a row."""

from collections.abc import Callable

from posbench.word_vectors.formats import word2vec_text
from posbench.word_vectors.formats.rows import Table, Wanted
from posbench.word_vectors.formats.stream import Stream


def read(stream: Stream, wanted: Wanted) -> Table:
    """As word2vec's text."""
    return word2vec_text.read(stream, wanted)


def write(write: Callable[[bytes], None], table) -> None:
    """The file, part by part. ValueError for a word that it cannot hold."""
    word2vec_text.write(write, table, end=' \n')
