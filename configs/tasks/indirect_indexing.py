"""Which letter stands so many places before or after another one (Gopalakrishnan et al. 2025, arXiv 2509.10534)?

python launch.py --config=configs/tasks/indirect_indexing.py --workdir=/tmp/indirect_indexing

Strings of 20 to 40 letters, as in the paper, of an alphabet of 80 for its 52, so that 41 and 80 letters can be asked
for. The paper's model has 8 layers of width 512 and sees 6.4 million lines.
"""

from configs import default


def get_config():
    config = default.get_config()
    config.task = dict(name='retrieval/indirect_indexing', letters=80)
    config.dataset = None
    config.encoding = dict(name='rotary')
    config.model.layers = 3
    config.train.update(length=40, batch_size=64, steps=3000)
    config.optimizer.learning_rate = 1e-3
    config.evaluate.multiples = (1, 2)
    return config
