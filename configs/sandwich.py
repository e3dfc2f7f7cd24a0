"""Dot products of sinusoids as a bias (Chi et al. 2023, arXiv 2212.10356)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='sandwich')
    return config
