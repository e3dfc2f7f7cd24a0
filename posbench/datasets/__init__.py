"""Text as token ids, from the shipped novels, a folder of .txt files, or any text dataset of tensorflow_datasets.

    text = datasets.load('austen', tokenizer='bpe', vocabulary=1024)
    text.tokens['train']  # int32 [N], memory-mapped

NumPy only: TFDS is imported when something has to be prepared, and jax never.
"""

from posbench.datasets.sources import DatasetError
from posbench.datasets.text import Text, load

__all__ = ['DatasetError', 'Text', 'load']
