"""Longer questions than in training for a decoder, by the tasks of Kazemnejad et al. 2023 (arXiv 2305.19466).

    python launch.py --config=configs/tasks/kazemnejad.py --workdir=/tmp/kazemnejad

Up to 20 symbols are copied, and then 40 are asked for: the paper's split cmc. Any of its nine tasks of posbench, by
`--config.task.name=length/reverse`, addition, sum, parity, sort, polynomial, lego or scan; of these the arithmetic,
sort and lego are trained up to 8 in the paper (`--config.train.length=8`), and its SCAN goes from 25 actions to 48
(here `--config.train.length=24` has 24, 25 and 48). In reach of a laptop by what is smaller: 3 layers of width 64,
not 12 of 768, and 3,000 steps of new questions, not 40,000 over 100,000 that are drawn once. Of cmc's longer
questions the paper's models say 31 % rightly without an encoding, with T5's 42 %, ALiBi's 33 %, a rotary of a quarter
of the channels 1 %, and sinusoids 3 % (means of three released seeds).
"""

from configs import default


def get_config():
    config = default.get_config()
    config.task = dict(name='length/copy')
    config.dataset = None
    config.model.update(layers=3, width=64, hidden=256)
    config.train.update(length=20, batch_size=64, steps=3000)
    config.optimizer.learning_rate = 1e-3
    config.evaluate.multiples = (1, 2)
    return config
