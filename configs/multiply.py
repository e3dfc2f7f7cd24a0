"""Token vectors times one plus sinusoids, in place of their sum."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='multiply',
        module=None,
        over=dict(
            name='sinusoidal',
            module=None,
            theta=10_000.0,
            layout='interleaved',
            frequencies='vaswani',
            learned_scale=False,
        ),
        one_plus=True,
    )
    return config
