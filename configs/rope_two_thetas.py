"""Rotary embedding with a long wavelength in every fourth layer (Gemma 3 2025, arXiv 2503.19786).

Gemma 3 has one such layer in six, and the others attend to a window of 1024 tokens, which is left out.
"""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='by_layer', second=dict(name='rotary', theta=1_000_000.0))
    return config
