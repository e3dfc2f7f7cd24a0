"""A trained vector for each place in a number (McLeish et al. 2024, arXiv 2405.17399), and nothing else."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='on_axis', module=None, over=dict(name='learned', module=None, max_length=1024, init_std=1.0), axis=1
    )
    config.positions = dict(name='abacus', max_shift=100)
    return config
