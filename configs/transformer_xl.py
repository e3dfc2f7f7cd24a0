"""Transformer-XL's relative attention, without its memory (Dai et al. 2019, arXiv 1901.02860)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='transformer_xl')
    return config
