"""A network over the heads of logits and bias (Zheng et al. 2024, arXiv 2405.14722, DAPE), over KERPLE."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='dape')
    return config
