"""Learned rotations of blocks of eight channels (Ostmeier et al. 2024, arXiv 2406.10322, "LieRE"); tokens on a grid."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='liere')
    config.positions = dict(name='grid')
    return config
