"""Rotary embedding with a base that grows with the sequence (emozilla 2023; arXiv 2309.00071)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='rotary_ntk_dynamic')
    return config
