"""Rotary embedding at positions divided by 8 (Chen et al. 2023, arXiv 2306.15595)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='rotary_linear')
    return config
