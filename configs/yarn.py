"""Rotary embedding, slow pairs interpolated by 8, logits scaled (Peng et al. 2024, arXiv 2309.00071)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='rotary_yarn',
        module=None,
        factor=8.0,
        original_length=128,
        beta_fast=32.0,
        beta_slow=1.0,
        ramp='pairs',
        truncate=True,
        attention_factor=None,
        mscale=None,
        mscale_all_dim=None,
        theta=10_000.0,
        layout='half',
        fraction=1.0,
    )
    return config
