"""Rotary embedding, and logits times a trained s ln n (Nakanishi 2025, arXiv 2501.19399)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='ssmax',
        module=None,
        over=dict(name='rotary', module=None, theta=10_000.0, layout='half'),
        initial=0.43,
    )
    return config
