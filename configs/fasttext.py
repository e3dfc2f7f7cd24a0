"""fastText: skip-gram whose words are sums of the vectors of their character n-grams (Bojanowski et al. 2017, TACL), so
that words that were never seen have vectors too.

    python launch.py --config=configs/fasttext.py

A minute on two cores. WordSim-353 0.09 and SimLex-999 0.06, of all pairs.
"""

from configs import word_vectors


def get_config():
    config = word_vectors.get_config()
    config.vectors = dict(
        name='skipgram',
        max_n=6,  # n-grams of 3 to 6 characters
        buckets=100_000,  # of n-grams; 2,000,000 fit a large vocabulary, and make a file of as many vectors
    )
    return config
