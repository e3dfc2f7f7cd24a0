"""Disentangled content and distance (He et al. 2020, arXiv 2006.03654, DeBERTa)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='deberta')
    return config
