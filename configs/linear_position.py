"""The position times one trained vector, added to the token vectors, as introductory texts have it."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='linear_position')
    return config
