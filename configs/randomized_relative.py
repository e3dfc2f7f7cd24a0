"""Transformer-XL's relative attention at randomized positions (Ruoss et al. 2023, arXiv 2305.16843).

A distance is the difference of two drawn positions. The released code, which is for encoders, draws distances instead:
randomized_relative_as_released.
"""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='transformer_xl')
    config.positions = dict(name='randomized')
    return config
