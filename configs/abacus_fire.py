"""Abacus as in its paper: a vector for each place in a number, and FIRE (McLeish et al. 2024, arXiv 2405.17399)."""

from configs import abacus, fire


def get_config():
    config = abacus.get_config()
    config.encoding = dict(
        name='chain',
        module=None,
        first=config.encoding.to_dict(),
        second=dict(name='on_axis', module=None, over=fire.get_config().encoding.to_dict(), axis=0),
    )
    return config
