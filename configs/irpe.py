"""Relative keys in buckets of rows and columns, on a page of 16 columns (Wu et al. 2021, arXiv 2107.14222)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='irpe')
    config.positions = dict(name='grid')
    return config
