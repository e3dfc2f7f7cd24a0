"""A trained vector for each of 2048 positions, drawn at random (Ruoss et al. 2023, arXiv 2305.16843)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='learned', module=None, max_length=2048, init_std=1.0, out_of_range='nan')
    config.positions = dict(name='randomized', max_position=2048)
    return config
