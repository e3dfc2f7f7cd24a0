"""Multimodal rotary embedding (Wang et al. 2024, arXiv 2409.12191, "Qwen2-VL"); tokens fill pages of 4 rows."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='mrope')
    config.positions = dict(name='grid', rows=4)
    return config
