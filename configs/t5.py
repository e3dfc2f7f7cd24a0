"""Bucketed relative biases (Raffel et al. 2020, arXiv 1910.10683)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='t5_bias')
    return config
