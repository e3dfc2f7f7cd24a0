"""Relative keys and relative values, clipped at distance 16 (Shaw et al. 2018, arXiv 1803.02155)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='shaw', values=True)
    return config
