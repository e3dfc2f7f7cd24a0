"""A forget gate for every channel (Averbuch and Pai 2026, Tilde Research, "Wall attention")."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='wall')
    return config
