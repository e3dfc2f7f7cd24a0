"""Positions read off the tokens (Li et al. 2025, arXiv 2512.14391, "RePo"), above one layer of rotary embedding."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='by_layer',
        module=None,
        first=dict(name='rotary', module=None, theta=500_000.0, layout='half'),
        second=dict(name='repo', module=None, theta=500_000.0, reduction=8),
        pattern=(0, 1, 1, 1),
    )
    return config
