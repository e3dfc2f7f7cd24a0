"""Rotary embedding, and logits that grow with ln n (Su 2021, kexue.fm/archives/8823)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='log_n')
    return config
