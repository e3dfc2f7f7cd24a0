"""`naive_wall_attn` of flash-linear-attention as a formula: the gates of all tokens after the key, multiplied up."""

import math

import numpy as np

from tests.encodings import oracles

SETTINGS = [{}, dict(scalar_gate=True, sinks=True)]
OTHER = {'init_std': (0.5, {}), 'init_bias': (2.0, {}), 'scalar_gate': (True, {}), 'sinks': (True, {})}
UNCOMPARED = {'init_std', 'init_bias'}
CONTRACT = dict(scalar_gate=True, sinks=True)


class Oracle(oracles.Oracle):
    def logits(self, s):
        (length, heads, width), w = s.q_LHK.shape, self.weights
        out_HLM = np.zeros((heads, length, length))
        gates_LHK = np.stack([oracles.sigmoid(x_D @ w['weight'] + w['bias']).reshape(heads, width) for x_D in s.x_LD])
        for h, i in np.ndindex(heads, length):
            kept_K, kept = np.ones(width), 1.0
            for j in reversed(range(i + 1)):
                out_HLM[h, i, j] = oracles.dot(s.q_LHK[i, h] * kept_K, s.k_MHK[j, h]) + math.log(kept)
                kept_K = kept_K * gates_LHK[j, h]
                if self.options['scalar_gate']:
                    kept *= oracles.sigmoid(s.x_LD[j] @ w['scalar_weight'][:, h] + w['scalar_bias'][h])
        return out_HLM

    def weights_of(self, s):
        weights_HLM = super().weights_of(s)
        if self.options['sinks']:
            logits_HLM = self.logits(s)
            for h, i in np.ndindex(weights_HLM.shape[:2]):
                of_keys = sum(math.exp(logits_HLM[h, i, j]) for j in range(i + 1))
                weights_HLM[h, i] *= of_keys / (of_keys + math.exp(self.weights['sink'][h]))
        return weights_HLM
