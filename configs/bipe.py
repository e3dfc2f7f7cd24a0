"""Sinusoids within a sentence, rotations between sentences (He et al. 2024, arXiv 2401.16421, "BiPE-RoPE")."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='chain', first=dict(name='on_axis', over=dict(name='sinusoidal')), second=dict(name='on_axis', axis=1)
    )
    config.positions = dict(name='bipe')
    return config
