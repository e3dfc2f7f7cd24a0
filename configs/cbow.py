"""Continuous bag of words with negative sampling (Mikolov et al. 2013, arXiv 1301.3781) on the shipped novels.

    python launch.py --config=configs/cbow.py

Half a minute on two cores. WordSim-353 0.19 and SimLex-999 0.01, of the 62 and 347 pairs whose words the novels have.
"""

from configs import word_vectors


def get_config():
    config = word_vectors.get_config()
    config.vectors = dict(name='cbow')
    return config
