"""Rotary embedding in three layers of four, nothing in the fourth (Yang et al. 2025, arXiv 2501.18795, "RNoPE")."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='by_layer',
        module=None,
        first=dict(name='rotary', module=None, theta=10_000.0, layout='half'),
        second=dict(name='none', module=None),
        pattern=(0, 0, 0, 1),
    )
    return config
