"""Logits as a feature map under convolutions (Zheng et al. 2024, arXiv 2410.04798, DAPE V2), over KERPLE."""

from configs import default


def get_config():
    config = default.get_config()
    over = dict(name='kerple_log', module=None, init_p=2.0, init_a=1.0)
    config.encoding = dict(name='dape_v2', module=None, over=over, hidden=32, reach=1)
    return config
