"""What a variable holds when a program ends that mostly does nothing (Golovneva et al. 2024, arXiv 2405.18719).

python launch.py --config=configs/tasks/counting.py --workdir=/tmp/counting

Programs of up to 64 steps, and of 128 and 256 beyond training; the paper has up to 512, 4 layers of width 256 and
15,700 steps of 64 programs, drawn once. `--config.task.variables=3` and 5 are its harder columns.
"""

from configs import default


def get_config():
    config = default.get_config()
    config.task = dict(name='retrieval/counting')
    config.dataset = None
    config.encoding = dict(name='rotary')
    config.model.update(layers=2, width=64, hidden=256)
    config.train.update(length=64, batch_size=64, steps=2000)
    config.optimizer.learning_rate = 1e-3
    config.evaluate.multiples = (1, 2, 4)
    return config
