"""Rotary embedding of the pairs with periods of at most the training length (Chen et al. 2024, arXiv 2410.21216)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='rotary_hope_hf')
    return config
