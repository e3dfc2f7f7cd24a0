"""Rotary embedding without the slowest quarter of its pairs (Barbero et al. 2024, arXiv 2410.06205)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='rotary_p',
        module=None,
        kept=0.75,
        theta=10_000.0,
        layout='half',
        fraction=1.0,
    )
    return config
