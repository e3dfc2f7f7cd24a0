"""CABLE: an additive bias from the content of the tokens in between (Veisi et al. 2025, arXiv 2503.08067)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='fox', gate='cable')
    return config
