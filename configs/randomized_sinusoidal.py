"""Sinusoids at randomized positions (Ruoss et al. 2023, arXiv 2305.16843)."""

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
    config.positions = dict(name='randomized', max_position=2048)
    return config
