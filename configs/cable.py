"""CABLE: an additive bias from the content of the tokens in between (Veisi et al. 2025, arXiv 2503.08067)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='fox',
        module=None,
        gate='cable',
        kind='full',
        init_std=0.02,
        init_bias=0.0,
        shortest_time=2.0,
        longest_time=128.0,
    )
    return config
