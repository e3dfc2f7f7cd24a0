"""Token vectors as waves with trained frequencies (Wang et al. 2020, arXiv 1912.12333)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='complex_embedding')
    return config
