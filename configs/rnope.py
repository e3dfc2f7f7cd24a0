"""Rotary embedding in three layers of four, nothing in the fourth (Yang et al. 2025, arXiv 2501.18795, "RNoPE")."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='by_layer')
    return config
