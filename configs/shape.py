"""Sinusoids at positions that start anywhere in training (Kiyono et al. 2021, arXiv 2109.05644, "SHAPE")."""

from configs import sinusoidal


def get_config():
    config = sinusoidal.get_config()
    config.positions = dict(name='shifted')
    return config
