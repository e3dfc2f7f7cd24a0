"""Truncated SVD of the matrix of positive pointwise mutual information (Levy et al. 2015, TACL).

    python launch.py --config=configs/svd.py

A quarter of a minute on two cores. WordSim-353 0.37 and SimLex-999 0.10, of the 62 and 347 pairs whose words the
novels have.
"""

from configs import word_vectors


def get_config():
    config = word_vectors.get_config()
    config.vectors = dict(name='svd')
    # An epoch is one step, of all cells.
    config.train.update(epochs=20.0, steps_per_call=1, evaluate_every=5, checkpoint_every=5)
    return config
