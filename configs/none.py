"""No encoding: order reaches the model through the causal mask alone (Haviv et al. 2022, arXiv 2203.16634)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='none')
    return config
