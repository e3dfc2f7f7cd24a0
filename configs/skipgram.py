"""Skip-gram with negative sampling (Mikolov et al. 2013, arXiv 1310.4546) on the shipped novels.

    python launch.py --config=configs/skipgram.py

Half a minute on two cores. WordSim-353 0.20 and SimLex-999 0.03, of the 62 and 347 pairs whose words the novels have.
"""

from configs import word_vectors


def get_config():
    config = word_vectors.get_config()
    config.vectors = dict(name='skipgram')
    return config
