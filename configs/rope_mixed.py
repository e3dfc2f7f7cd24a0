"""Rotary embedding of row and column at once, learned (Heo et al. 2024, arXiv 2403.13298, "RoPE-Mixed")."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='rope_mixed', module=None, theta=10.0)
    config.positions = dict(name='grid', columns=16, rows=None)
    return config
