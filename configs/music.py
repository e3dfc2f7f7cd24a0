"""A relative key for every distance (Huang et al. 2018, arXiv 1809.04281, Music Transformer)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='music')
    return config
