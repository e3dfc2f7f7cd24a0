"""The contract: what every encoding has to keep, as functions of an encoding. Call them on your own:

    from posbench import encodings
    from tests.encodings import contract

    for check in contract.CHECKS:
        check(encodings.build('mine', module='mine.py', strength=2.0))

Each builds a small model around the encoding, compares two ways to the same numbers, and raises AssertionError.
"""

from tests.encodings.compare import DIFFERENT, SAME, different, same, same_trees
from tests.encodings.contract import batches, decoding, far, layers, numbers, options, order
from tests.encodings.contract.checks import CHECKS, OF_CACHES, in_words

__all__ = ['CHECKS', 'DIFFERENT', 'OF_CACHES', 'SAME', 'batches', 'decoding', 'different', 'far', 'in_words', 'layers']
__all__ += ['numbers', 'options', 'order', 'same', 'same_trees']
