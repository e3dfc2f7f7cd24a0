"""PaTH with the forget gate of the Forgetting Transformer (Yang et al. 2025, arXiv 2505.16381, "PaTH-FoX")."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='path', module=None, rank=32, conv_size=3, init_std=0.02, gate=True, gate_inside_scale=False
    )
    return config
