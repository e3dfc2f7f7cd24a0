"""Rotary embedding, slow pairs interpolated by 8, logits scaled (Peng et al. 2024, arXiv 2309.00071)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='rotary_yarn')
    return config
