"""Logits as a feature map under convolutions (Zheng et al. 2024, arXiv 2410.04798, DAPE V2), over KERPLE."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='dape_v2')
    return config
