"""Transformer-XL at randomized distances, by the code released with Ruoss et al. 2023 (arXiv 2305.16843)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='randomized_relative_as_released')
    config.positions = dict(name='randomized_distances')
    return config
