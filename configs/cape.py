"""Sinusoids at positions that are shifted and jittered in training (Likhomanenko et al. 2021, arXiv 2106.03143)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='sinusoidal',
        module=None,
        theta=10_000.0,
        layout='interleaved',
        frequencies='vaswani',
        learned_scale=False,
    )
    config.positions = dict(
        name='cape', max_global_shift=5.0, max_local_shift=0.5, max_global_scaling=1.03, centred=False
    )
    return config
