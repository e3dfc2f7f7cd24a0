"""Rotary embedding of a quarter of the channels (GPT-NeoX; Black et al. 2022, arXiv 2204.06745)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='rotary', fraction=0.25)
    return config
