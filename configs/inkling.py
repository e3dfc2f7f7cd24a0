"""A bank of biases by distance that each token mixes (Thinking Machines 2026, Inkling; there is no paper)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='inkling')
    return config
