"""Contextual positions, at most 64 (Golovneva et al. 2024, arXiv 2405.18719, "CoPE")."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='cope_contextual')
    return config
