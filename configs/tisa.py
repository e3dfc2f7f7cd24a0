"""Five trained bumps over distance (Wennberg and Henter 2021, arXiv 2106.01950)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='tisa')
    return config
