"""Rotary embedding up to a window, one distance beyond (Su 2023, kexue.fm/archives/9708), from the start on.

The window is an eighth of the training length, as in the authors' code.
"""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='rerope')
    return config
