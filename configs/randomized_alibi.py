"""Linear biases at randomized positions (Ruoss et al. 2023, arXiv 2305.16843).

The released code draws distances anew, not positions, and is for encoders.
"""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='alibi')
    config.positions = dict(name='randomized')
    return config
