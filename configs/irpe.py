"""Relative keys in buckets of rows and columns, on a page of 16 columns (Wu et al. 2021, arXiv 2107.14222)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='irpe', module=None, ratio=1.9, mode='contextual', shared_heads=True)
    config.positions = dict(name='grid', columns=16, rows=None)
    return config
