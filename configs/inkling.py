"""A bank of biases by distance that each token mixes (Thinking Machines 2026, Inkling; there is no paper)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='inkling', module=None, extent=128, profiles=16, floor=None, alpha=0.1, init_std=0.02)
    return config
