"""Learned commuting rotations (Yu et al. 2025, arXiv 2506.03737, "ComRoPE-LD"); tokens lie on a grid."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='comrope', module=None, kind='ld', block=8, extent=16.0, init_std=1.0)
    config.positions = dict(name='grid', columns=16, rows=None)
    return config
