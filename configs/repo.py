"""Positions read off the tokens (Li et al. 2025, arXiv 2512.14391, "RePo"), above one layer of rotary embedding."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='by_layer', first=dict(name='rotary', theta=500_000.0), second=dict(name='repo'), pattern=(0, 1, 1, 1)
    )
    return config
