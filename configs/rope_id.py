"""Rotary embedding of half the channels at high frequencies (Wertheimer et al. 2026, arXiv 2603.18017)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='rotary_id')
    return config
