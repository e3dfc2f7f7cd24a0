"""transformers, modeling_llama4.py: log1p(floor((p + 1) / floor_scale)) * attn_scale + 1 on the queries."""

import math

from tests.encodings import oracles

SETTINGS = [{}, dict(over='none', floor_scale=3, strength=0.7)]
OTHER = {'over': ('alibi', {}), 'floor_scale': (100, {}), 'strength': (0.5, {})}


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        scale = self.options['strength'] * math.log(1 + (i + 1) // self.options['floor_scale']) + 1
        return self.options['over'].logit(h, scale * q_K, k_K, i, j)
