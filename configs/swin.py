"""A bias for each offset in rows and columns, on a page of 16 columns (Liu et al. 2021, arXiv 2103.14030)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='swin_bias')
    config.positions = dict(name='grid')
    return config
