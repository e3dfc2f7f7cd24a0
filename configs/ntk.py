"""Rotary embedding with a base for sequences 8 times as long ("NTK-aware", bloc97 2023; arXiv 2309.00071)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='rotary_ntk')
    return config
