"""Rotary embedding with a long wavelength in every fourth layer (Gemma 3 2025, arXiv 2503.19786).

Gemma 3 has one such layer in six, and the others attend to a window of 1024 tokens, which is left out.
"""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='by_layer',
        module=None,
        first=dict(name='rotary', module=None, theta=10_000.0, layout='half'),
        second=dict(name='rotary', module=None, theta=1_000_000.0, layout='half'),
        pattern=(0, 0, 0, 1),
    )
    return config
