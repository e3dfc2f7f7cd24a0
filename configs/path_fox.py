"""PaTH with the forget gate of the Forgetting Transformer (Yang et al. 2025, arXiv 2505.16381, "PaTH-FoX")."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='path', gate=True)
    return config
