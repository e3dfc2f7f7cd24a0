"""Fourier position embedding: rotary pairs of mixed frequencies (Hua et al. 2024, arXiv 2412.17739)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='rotary_fope')
    return config
