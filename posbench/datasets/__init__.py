"""Text as token ids, from the shipped novels, a folder of .txt files, or any text dataset of tensorflow_datasets.

    text = datasets.load('austen', tokenizer='bpe', vocabulary=1024)
    text.tokens['train']  # int32 [N], memory-mapped

NumPy only: TFDS is imported when something has to be prepared, and jax never.
"""

import importlib
from typing import Any

from posbench.datasets.sources import DatasetError
from posbench.datasets.text import Text, load

__all__ = ['DatasetError', 'Text', 'load', 'read']


def read(kind: str, **settings) -> Any:
    """What `load` of posbench/datasets/<kind>.py makes of the settings: the data of a task that reads that kind."""
    return importlib.import_module(f'posbench.datasets.{kind}').load(**settings)
