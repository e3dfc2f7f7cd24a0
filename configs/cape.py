"""Sinusoids at positions that are shifted and jittered in training (Likhomanenko et al. 2021, arXiv 2106.03143)."""

from configs import sinusoidal


def get_config():
    config = sinusoidal.get_config()
    config.positions = dict(name='cape')
    return config
