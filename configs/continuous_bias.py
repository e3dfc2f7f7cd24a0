"""A network of the logarithm of the distance, bounded (Swin v2, Liu et al. 2022, arXiv 2111.09883)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='dynamic_bias', hidden=512, depth=1, activation='relu', log_distance=True, bound=16.0)
    return config
