"""Linear biases that tell left from right, as for encoders (Ruoss et al. 2023, arXiv 2305.16843)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='alibi', breaker=0.5)
    return config
