"""The Forgetting Transformer's gate, one for each head (Lin et al. 2025, arXiv 2503.02130)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='fox')
    return config
