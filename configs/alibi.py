"""Linear biases (Press et al. 2022, arXiv 2108.12409)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='alibi')
    return config
