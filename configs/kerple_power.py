"""A trained penalty on a power of the distance (Chi et al. 2022, arXiv 2205.09921)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='kerple_power')
    return config
