"""Logits that swing with distance by a phase of query and key (Wang et al. 2025, arXiv 2509.12635, "TAPA")."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='tapa')
    return config
