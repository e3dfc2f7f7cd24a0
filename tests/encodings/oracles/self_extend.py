"""Jin et al. 2024, equation 4 and the floors of section 3.2."""

from tests.encodings import oracles

SETTINGS = [{}, dict(over=dict(name='rotary', theta=50.0), group=3, window=7)]
OTHER = {'over': (dict(name='rotary', theta=50.0), {}), 'group': (3, {}), 'window': (50, {})}


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        group, window = self.options['group'], self.options['window']
        distance = i - j
        if distance >= window:
            distance = i // group - j // group + window - window // group
        return self.options['over'].logit(h, q_K, k_K, distance, 0)
