"""Positions that attend to positions, untied from the tokens (Ke et al. 2021, arXiv 2006.15595)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='tupe_a')
    return config
