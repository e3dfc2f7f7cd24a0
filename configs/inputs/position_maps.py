"""A linear map of its own for each position, of low rank, in the place of a vector that is added.

    python launch.py --config=configs/inputs/position_maps.py

Maps end at 1,024 positions, and beyond the training length they are as they were drawn.
"""

from configs import default


def get_config():
    config = default.get_config()
    config.input.combine = dict(name='linear_map', rank=8)
    return config
