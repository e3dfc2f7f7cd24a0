"""Sinusoids and vectors of a trained differential equation (Liu et al. 2020, arXiv 2003.09229), at the input."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='floater')
    return config
