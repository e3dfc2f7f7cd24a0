"""Fourier position embedding: rotary pairs of mixed frequencies (Hua et al. 2024, arXiv 2412.17739)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='rotary_fope',
        module=None,
        original_length=128,
        sigma=0.3,
        trained=False,
        seed=0,
        rest='still',
        theta=10_000.0,
        layout='half',
        fraction=1.0,
    )
    return config
