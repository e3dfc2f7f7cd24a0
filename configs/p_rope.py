"""Rotary embedding without the slowest quarter of its pairs (Barbero et al. 2024, arXiv 2410.06205)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='rotary_p')
    return config
