"""A trained penalty on a power of the distance (Chi et al. 2022, arXiv 2205.09921)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='kerple_power', module=None, max_power=2.0, init_a=1.0)
    return config
