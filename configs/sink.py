"""Rotary embedding and a sink, a trained logit of no key in each head (OpenAI 2025, gpt-oss, arXiv 2508.10925).

theta is that of gpt-oss, which scales it by YaRN for long texts: `--config.encoding.first.name=rotary_yarn`. There
every other layer also attends to the last 128 tokens alone, which is left out.
"""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='chain', first=dict(name='rotary', theta=150_000.0), second='sink')
    return config
