"""xPos (Sun et al. 2022, arXiv 2212.10554): rotary embedding with pairs that fade with distance."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='xpos')
    return config
