"""Rotary embedding of neighbours and of groups (Jin et al. 2024, arXiv 2401.01325), from the start on.

The window is a quarter of the training length, as in the authors' code.
"""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='self_extend', group=8, window=32)
    return config
