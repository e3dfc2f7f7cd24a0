"""A trained vector for each significance of a digit (Cho et al. 2024, arXiv 2405.20671), and nothing else."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='on_axis',
        module=None,
        over=dict(name='learned', module=None, max_length=256, init_std=1.0, out_of_range='nan'),
        axis=1,
    )
    config.positions = dict(name='coupled', reversed_answer=True, max_id=202)
    return config
