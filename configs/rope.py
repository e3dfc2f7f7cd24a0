"""Rotary embedding (Su et al. 2021, arXiv 2104.09864)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='rotary')
    return config
