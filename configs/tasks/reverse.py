"""Reversal by an encoder and a decoder: up to 16 symbols are read, and said backwards token by token.

python launch.py --config=configs/tasks/reverse.py --workdir=/tmp/reverse

As in Kazemnejad et al. 2023 (arXiv 2305.19466), where a decoder alone reads and says up to 20 of 100 symbols, and up to
40 are asked for.
"""

from configs import default


def get_config():
    config = default.get_config()
    config.task = dict(name='sequence/reverse')
    config.dataset = None
    config.encoding = dict(name='sinusoidal')
    config.model.update(name='encoder_decoder', layers=2, width=64, hidden=256)
    config.train.update(length=16, batch_size=64, steps=2000)
    config.optimizer.learning_rate = 1e-3
    config.evaluate.multiples = (1, 2)
    return config
