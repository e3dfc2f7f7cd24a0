"""PaTH attention: a product of reflections between query and key (Yang et al. 2025, arXiv 2505.16381)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='path')
    return config
