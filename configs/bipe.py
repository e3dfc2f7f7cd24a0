"""Sinusoids within a sentence, rotations between sentences (He et al. 2024, arXiv 2401.16421, "BiPE-RoPE")."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='chain',
        module=None,
        first=dict(
            name='on_axis',
            module=None,
            over=dict(
                name='sinusoidal',
                module=None,
                theta=10_000.0,
                layout='interleaved',
                frequencies='vaswani',
                learned_scale=False,
            ),
            axis=0,
        ),
        second=dict(
            name='on_axis',
            module=None,
            over=dict(name='rotary', module=None, theta=10_000.0, layout='half'),
            axis=1,
        ),
    )
    config.positions = dict(name='bipe', separators=(46, 10))
    return config
