"""Which way does the arrow point that the base of the Y points to (LieRE, arXiv 2406.10322, section 5.2)?

python launch.py --config=configs/tasks/arrow.py --workdir=/tmp/arrow

Grids of 9 x 9 cells, as in the paper, and of 18 x 18; a model without positions gets no further than the commonest way
among the arrows, 44 %. Positions are row and column, for encodings of two coordinates; others take
--config.positions.name=sequential. The paper's model has 85 M parameters.
"""

from configs import default


def get_config():
    config = default.get_config()
    config.task = dict(name='image/arrow')
    config.dataset = None
    config.encoding = dict(name='rope_mixed')
    # As many columns as the grid has, whatever its size.
    config.positions = dict(name='grid', columns=None)
    config.input = dict(name='vectors')
    config.head = dict(name='classify')
    config.model.update(name='encoder', layers=3, width=64, hidden=256)
    config.train.update(length=81, batch_size=64, steps=3000)
    config.optimizer.learning_rate = 2e-3
    config.evaluate.update(multiples=(1, 4), first_unseen=False)
    return config
