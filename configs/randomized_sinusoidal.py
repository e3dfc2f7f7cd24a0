"""Sinusoids at randomized positions (Ruoss et al. 2023, arXiv 2305.16843)."""

from configs import sinusoidal


def get_config():
    config = sinusoidal.get_config()
    config.positions = dict(name='randomized')
    return config
