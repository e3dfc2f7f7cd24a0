"""Sinusoids added to the token vectors (Vaswani et al. 2017, arXiv 1706.03762)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='sinusoidal')
    return config
