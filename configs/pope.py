"""Polar coordinate embedding (Gopalakrishnan et al. 2025, arXiv 2509.10534, "PoPE")."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='pope_polar')
    return config
