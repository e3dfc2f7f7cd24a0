"""RoPE, interpolated, at positions with a gap in training, for texts eight times as long (Zhu et al. 2023, "PoSE").

arXiv 2309.10400. The paper tunes a trained model so; here training does so from its start.
"""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='rotary_linear',
        module=None,
        layout='half',
        theta=10_000.0,
        fraction=1.0,
        factor=8.0,
    )
    config.positions = dict(name='pose', target_length=1024)
    return config
