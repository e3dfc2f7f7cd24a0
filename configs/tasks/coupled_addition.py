"""Addition of up to 10 digits by one layer, with a position for each significance (Cho et al. 2024, arXiv 2405.20671).

python launch.py --config=configs/tasks/coupled_addition.py --workdir=/tmp/coupled_addition

Both the encoding and the positions are the paper's: a trained vector for each id, ids that digits of the same
significance share and that begin anywhere in training. `--config.positions.name=sequential` with any one-dimensional
encoding is what they are compared with. Trained on up to 10 digits, the paper's model adds 70.
"""

from configs import default


def get_config():
    config = default.get_config()
    config.task = dict(name='length/coupled_addition')
    config.dataset = None
    config.encoding = dict(name='on_axis', over=dict(name='learned', max_length=64), axis=1)
    # Rows of training begin anywhere up to 33, so that all ids are trained that 40 digits need, which are 42.
    config.positions = dict(name='coupled', max_id=44)
    config.model.update(layers=1)
    config.train.update(length=10, batch_size=64, steps=3000)
    config.optimizer.learning_rate = 1e-3
    config.evaluate.multiples = (1, 2, 4)
    return config
