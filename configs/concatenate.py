"""Token vectors beside sinusoids, projected to the width of the model, in place of their sum."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='concatenate')
    return config
