"""Sinusoids at positions that are shifted and jittered in training (Likhomanenko et al. 2021, arXiv 2106.03143)."""

from configs import sinusoidal


def get_config():
    config = sinusoidal.get_config()
    config.positions = dict(
        name='cape', max_global_shift=5.0, max_local_shift=0.5, max_global_scaling=1.03, centred=False
    )
    return config
