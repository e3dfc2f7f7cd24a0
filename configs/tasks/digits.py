"""Handwritten digits of 8 x 8 pixels (UCI, 1998) in patches of 2 x 2, and the same enlarged two and three times.

python launch.py --config=configs/tasks/digits.py --workdir=/tmp/digits

Patches as tokens are those of Dosovitskiy et al. 2021 (arXiv 2010.11929); another resolution than that of training is
asked for as in Heo et al. 2024 (arXiv 2403.13298), and parts of images of many sizes are trained on, as there.
Positions are row and column, for encodings of two coordinates; others take --config.positions.name=sequential.
"""

from configs import default


def get_config():
    config = default.get_config()
    config.task = dict(name='image/digits', crop=0.6)
    config.dataset = dict(name='digits')
    config.encoding = dict(name='rope_axial')
    # As many columns as the image has, whatever its size.
    config.positions = dict(name='grid', columns=None)
    config.input = dict(name='vectors')
    config.head = dict(name='classify')
    config.model.update(name='encoder', layers=3, width=64, hidden=256)
    config.train.update(length=16, batch_size=64, steps=3000)
    config.optimizer.learning_rate = 2e-3
    # Images of 8 x 8, 16 x 16 and 24 x 24 pixels; all of them.
    config.evaluate.update(multiples=(1, 4, 9), first_unseen=False, tokens=None)
    return config
