"""The same with bucketed relative biases on top (Ke et al. 2021, arXiv 2006.15595)."""

from configs import default


def get_config():
    config = default.get_config()
    config.encoding = dict(
        name='tupe_r',
        module=None,
        max_length=1024,
        init_std=0.02,
        out_of_range='nan',
        buckets=32,
        max_distance=128,
        bidirectional=True,
    )
    return config
