"""Rotary embedding at positions drawn at random from 2048 (Ruoss et al. 2023, arXiv 2305.16843)."""

from configs import rope


def get_config():
    config = rope.get_config()
    config.positions = dict(name='randomized')
    return config
