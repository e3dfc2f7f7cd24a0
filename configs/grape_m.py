"""Rotary embedding of learned frequencies (Zhang et al. 2025, arXiv 2512.07805, "GRAPE-M")."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='grape_m')
    return config
