"""A causal convolution below the first layer (wav2vec 2.0: Baevski et al. 2020, arXiv 2006.11477)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='conv_position')
    return config
