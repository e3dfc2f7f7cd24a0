"""Token vectors times one plus sinusoids, in place of their sum."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='multiply')
    return config
