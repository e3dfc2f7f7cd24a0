"""Rotary embedding in chunks (An et al. 2024, arXiv 2402.17463, dual chunk attention), from the start on.

The span is three quarters of the training length and the local window a sixteenth, as in the authors' code.
"""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='dca', span=96, local=8)
    return config
