"""A trained vector for each position (Gehring et al. 2017, arXiv 1705.03122), with rows for 8x the training length."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='learned')
    return config
