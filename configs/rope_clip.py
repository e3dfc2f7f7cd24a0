"""Rotary embedding with tapered low frequencies, "CoPE" (Li et al. 2026, arXiv 2602.05258)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='rotary_clip',
        module=None,
        slowest=None,
        original_length=128,
        window='cosine',
        theta=10_000.0,
        layout='half',
        fraction=1.0,
    )
    return config
