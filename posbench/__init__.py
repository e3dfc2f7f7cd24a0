"""posbench: which input layer should a Transformer have, and what happens past the length it was trained on?"""

__version__ = '0.1.0'
