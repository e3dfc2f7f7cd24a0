"""The Forgetting Transformer's gate, one for each head (Lin et al. 2025, arXiv 2503.02130)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='fox',
        module=None,
        gate='forget',
        kind='full',
        init_std=0.02,
        init_bias=0.0,
        shortest_time=2.0,
        longest_time=128.0,
    )
    return config
