"""Rotary embedding in three layers of four, in the fourth a temperature alone (Llama 4, 2025, "iRoPE").

Below 8192 tokens that temperature is 1. The rotary layers of Llama 4 also attend within chunks of 8192 tokens, which is
left out.
"""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='by_layer',
        first=dict(name='rotary', theta=500_000.0, layout='interleaved'),
        second=dict(name='llama4_temperature', over=dict(name='none'), floor_scale=8192),
    )
    return config
