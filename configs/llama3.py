"""Llama 3.1's rotary embedding, slow pairs interpolated by 8 (Grattafiori et al. 2024, arXiv 2407.21783)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='rotary_llama3',
        module=None,
        factor=8.0,
        original_length=128,
        low_turns=1.0,
        high_turns=4.0,
        theta=500_000.0,
        layout='half',
        fraction=1.0,
    )
    return config
