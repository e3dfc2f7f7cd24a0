"""Rotary embedding, and logits times a trained s ln n (Nakanishi 2025, arXiv 2501.19399)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='ssmax')
    return config
