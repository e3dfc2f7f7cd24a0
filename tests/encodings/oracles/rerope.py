"""Su 2023: another distance for each pair, and the rotation of that one."""

from tests.encodings import oracles

SETTINGS = [{}, dict(over=dict(name='rotary', theta=50.0), window=5), dict(window=3, leak=4.0)]
OTHER = {'over': (dict(name='rotary', theta=50.0), {}), 'window': (50, {}), 'leak': (2.0, {})}


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        distance, window, leak = i - j, self.options['window'], self.options['leak']
        if abs(distance) >= window:
            distance = window + (0 if leak is None else (distance - window) / leak)
        return self.options['over'].logit(h, q_K, k_K, distance, 0)
