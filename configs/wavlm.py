"""Bucketed relative biases with a gate that reads the token (Chen et al. 2022, arXiv 2110.13900)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='wavlm_gated')
    return config
