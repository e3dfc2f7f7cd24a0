"""A network of the distance (Wang et al. 2021, arXiv 2108.00154)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='dynamic_bias')
    return config
