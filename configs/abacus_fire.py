"""Abacus as in its paper: a vector for each place in a number, and FIRE (McLeish et al. 2024, arXiv 2405.17399)."""

from configs import abacus, fire


def get_config():
    config = abacus.get_config()
    config.encoding = dict(
        name='chain',
        first=config.encoding.to_dict(),
        second=dict(name='on_axis', over=fire.get_config().encoding.to_dict()),
    )
    return config
