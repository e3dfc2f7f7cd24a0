"""Rotary embedding with divisors for long sequences (Ding et al. 2024, arXiv 2402.13753)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='rotary_longrope')
    return config
