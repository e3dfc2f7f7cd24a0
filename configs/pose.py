"""RoPE, interpolated, at positions with a gap in training, for texts eight times as long (Zhu et al. 2023, "PoSE").

arXiv 2309.10400. The paper tunes a trained model so; here training does so from its start.
"""

from configs import position_interpolation


def get_config():
    config = position_interpolation.get_config()
    config.positions = dict(name='pose')
    return config
