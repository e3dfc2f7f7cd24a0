"""Rotary embedding of row and column at once, learned (Heo et al. 2024, arXiv 2403.13298, "RoPE-Mixed")."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='rope_mixed')
    config.positions = dict(name='grid')
    return config
