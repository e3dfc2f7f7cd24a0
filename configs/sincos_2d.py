"""Sinusoids of row and column (Chen et al. 2021, arXiv 2104.02057); tokens lie on a grid."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='sincos_2d')
    config.positions = dict(name='grid')
    return config
