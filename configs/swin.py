"""A bias for each offset in rows and columns, on a page of 16 columns (Liu et al. 2021, arXiv 2103.14030)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='swin_bias', module=None, max_distance=15, init_std=0.02)
    config.positions = dict(name='grid', columns=16, rows=None)
    return config
