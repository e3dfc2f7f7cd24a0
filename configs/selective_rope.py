"""Rotary embedding by angles that the tokens decide (Movahedi et al. 2025, arXiv 2511.17388, "Selective RoPE")."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='selective_rope')
    return config
