"""Rotary embedding of row and column (Heo et al. 2024, arXiv 2403.13298, "RoPE-Axial"); tokens lie on a grid."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='rope_axial')
    config.positions = dict(name='grid')
    return config
