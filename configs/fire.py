"""A network of the distance as a share of the query's position (Li et al. 2024, arXiv 2310.04418)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='fire')
    return config
