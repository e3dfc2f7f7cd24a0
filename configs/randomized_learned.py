"""A trained vector for each of 2048 positions, drawn at random (Ruoss et al. 2023, arXiv 2305.16843)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='learned', max_length=2048)
    config.positions = dict(name='randomized')
    return config
