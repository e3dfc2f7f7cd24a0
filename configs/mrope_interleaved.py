"""Multimodal rotary embedding with alternating pairs (Bai et al. 2025, arXiv 2511.21631, "Qwen3-VL")."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(name='mrope', theta=5_000_000.0, sections=(24, 20, 20), interleaved=True)
    config.positions = dict(name='grid', rows=4)
    return config
