"""GloVe (Pennington et al. 2014, EMNLP): logarithms of co-occurrence counts by weighted least squares.

    python launch.py --config=configs/glove.py

A minute on two cores. WordSim-353 0.15 and SimLex-999 0.04, of the 62 and 347 pairs whose words the novels have.
"""

from configs import word_vectors


def get_config():
    config = word_vectors.get_config()
    config.vectors = dict(name='glove', x_max=10.0)  # 100 of the authors, whose text is a thousand times as long
    config.train.update(epochs=25.0, steps_per_call=100, evaluate_every=500, checkpoint_every=1000)
    return config
