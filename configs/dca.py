"""Rotary embedding in chunks (An et al. 2024, arXiv 2402.17463, dual chunk attention), from the start on.

The span is three quarters of the training length and the local window a sixteenth, as in the authors' code.
"""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='dca',
        module=None,
        over=dict(name='rotary', module=None, theta=10_000.0, layout='half'),
        span=96,
        local=8,
        as_released=False,
    )
    return config
