"""Rotary embedding along learned steps (Zhang et al. 2025, arXiv 2512.07805, contextual "GRAPE-M")."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='grape_m_contextual')
    return config
