"""A network over the heads of logits and bias (Zheng et al. 2024, arXiv 2405.14722, DAPE), over KERPLE."""

from configs import default


def get_config():
    config = default.get_config()
    over = dict(name='kerple_log', module=None, init_p=2.0, init_a=1.0)
    config.encoding = dict(name='dape', module=None, over=over, hidden=32)
    return config
