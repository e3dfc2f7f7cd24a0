"""A bias summed over the tokens in between, "GRAPE-AP" (Zhang et al. 2025, arXiv 2512.07805)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='grape_ap')
    return config
