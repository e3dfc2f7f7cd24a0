"""Counts the text 'medium' (posbench/datasets/medium.py): documents, words and characters of each part and split.

    python -m benchmarks.medium_text [DATA_DIR]

It fetches 67 MB of packages by name and puts the text together, where that has not been done yet. A word is a run of
letters and digits, with what hyphens and apostrophes join to it.
"""

import re
import sys

from posbench.datasets import DatasetError, medium, tokenised
from posbench.datasets.sources import SPLITS

WORD = re.compile(r"\w+(?:[-'’]\w+)*")


def main(data_dir: str | None) -> None:
    """Prints the table."""
    place = tokenised.place_of(data_dir)
    print(f'{"part":20} {"split":10} {"documents":>10} {"words":>12} {"characters":>12}')
    source = medium.find(place)
    counts = medium.counts(place)
    total = [0, 0, 0]
    for split in SPLITS:
        documents = source.documents(split)
        for part, of_split in counts.items():
            texts = [next(documents) for _ in range(of_split[split])]
            row = [len(texts), sum(len(WORD.findall(text)) for text in texts), sum(map(len, texts))]
            total = [a + b for a, b in zip(total, row)]
            print(f'{part:20} {split:10} {row[0]:>10,} {row[1]:>12,} {row[2]:>12,}')
    print(f'{"all":20} {"":10} {total[0]:>10,} {total[1]:>12,} {total[2]:>12,}')


if __name__ == '__main__':
    try:
        main(sys.argv[1] if len(sys.argv) > 1 else None)
    except DatasetError as error:
        sys.exit(str(error))
