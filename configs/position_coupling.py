"""A trained vector for each significance of a digit (Cho et al. 2024, arXiv 2405.20671), and nothing else."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='on_axis', over=dict(name='learned', max_length=256), axis=1)
    config.positions = dict(name='coupled')
    return config
