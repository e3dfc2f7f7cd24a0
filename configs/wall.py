"""A forget gate for every channel (Averbuch and Pai 2026, Tilde Research, "Wall attention")."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='wall', module=None, init_std=0.02, init_bias=8.0, scalar_gate=False, sinks=False)
    return config
