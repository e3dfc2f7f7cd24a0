"""Rotary embedding of the pairs with periods of at most the training length (Chen et al. 2024, arXiv 2410.21216)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='rotary_hope_hf',
        module=None,
        original_length=128,
        theta=10_000.0,
        layout='half',
        fraction=1.0,
    )
    return config
