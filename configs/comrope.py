"""Learned commuting rotations (Yu et al. 2025, arXiv 2506.03737, "ComRoPE-LD"); tokens lie on a grid."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='comrope')
    config.positions = dict(name='grid')
    return config
