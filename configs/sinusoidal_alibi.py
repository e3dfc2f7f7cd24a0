"""Sinusoids below the first layer and ALiBi in every layer: what a bias adds to absolute positions."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='chain')
    return config
