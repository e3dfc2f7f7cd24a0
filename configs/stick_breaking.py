"""Shares of a stick instead of a softmax, and no positions (Tan et al. 2024, arXiv 2410.17980)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='stick_breaking')
    return config
