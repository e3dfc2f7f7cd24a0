"""Sinusoids at positions that start anywhere in training (Kiyono et al. 2021, arXiv 2109.05644, "SHAPE")."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='sinusoidal',
        module=None,
        theta=10_000.0,
        layout='interleaved',
        frequencies='vaswani',
        learned_scale=False,
    )
    config.positions = dict(name='shifted', max_shift=500)
    return config
