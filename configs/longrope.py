"""Rotary embedding with divisors for long sequences (Ding et al. 2024, arXiv 2402.13753)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='rotary_longrope',
        module=None,
        factor=8.0,
        original_length=128,
        short=(1.0,),
        long=(1.0, 8.0),
        theta=10_000.0,
        layout='half',
        fraction=1.0,
    )
    return config
