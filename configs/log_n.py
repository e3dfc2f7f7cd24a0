"""Rotary embedding, and logits that grow with ln n (Su 2021, kexue.fm/archives/8823)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='log_n',
        module=None,
        over=dict(name='rotary', module=None, theta=10_000.0, layout='half'),
        train_length=512,
        at_least_one=False,
    )
    return config
