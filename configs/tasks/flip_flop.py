"""Flip-flop language (Liu et al. 2023, arXiv 2306.00946): the last bit that was written, scored where it is read.

python launch.py --config=configs/tasks/flip_flop.py --workdir=/tmp/flip_flop

In reach of a laptop by what is smaller than in the paper: 64 symbols, not 512, and two layers of width 64, not six of
512. The paper says no numbers by position encoding; those of PaTH (Yang et al. 2025, arXiv 2505.16381, table 1) are of
one layer with two heads: rotary 6.9 % wrong as trained, 40.3 % sparse, 0.01 % dense.
"""

from configs import default


def get_config():
    config = default.get_config()
    config.task = dict(name='retrieval/flip_flop')
    config.dataset = None
    config.encoding = dict(name='rotary')
    config.model.update(layers=2, width=64, hidden=256)
    config.train.update(length=64, batch_size=32, steps=2000)
    config.optimizer.learning_rate = 1e-3
    # A sequence is whole pairs of symbols.
    config.evaluate.update(multiples=(1, 2, 4), first_unseen=False)
    return config
