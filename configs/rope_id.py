"""Rotary embedding of half the channels at high frequencies (Wertheimer et al. 2026, arXiv 2603.18017)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='rotary_id',
        module=None,
        share=0.5,
        original_length=128,
        slowest_turns=1.0,
        layout='half',
    )
    return config
