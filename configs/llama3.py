"""Llama 3.1's rotary embedding, slow pairs interpolated by 8 (Grattafiori et al. 2024, arXiv 2407.21783)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='rotary_llama3')
    return config
