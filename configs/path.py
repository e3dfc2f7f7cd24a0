"""PaTH attention: a product of reflections between query and key (Yang et al. 2025, arXiv 2505.16381)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='path', module=None, rank=32, conv_size=3, init_std=0.02, gate=False, gate_inside_scale=False
    )
    return config
