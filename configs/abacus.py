"""A trained vector for each place in a number (McLeish et al. 2024, arXiv 2405.17399), and nothing else."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='on_axis', over=dict(name='learned'), axis=1)
    config.positions = dict(name='abacus')
    return config
