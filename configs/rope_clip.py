"""Rotary embedding with tapered low frequencies, "CoPE" (Li et al. 2026, arXiv 2602.05258)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='rotary_clip')
    return config
