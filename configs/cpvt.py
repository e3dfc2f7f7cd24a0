"""A small convolution of the tokens before, after the first block (Chu et al. 2021, arXiv 2102.10882, "PEG")."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='cpvt', layer=1)
    return config
