"""Zheng et al. 2024, section 3: an MLP over the heads of logits and bias, LeakyReLU 0.01, one pair at a time."""

import numpy as np

from tests.encodings import oracles

# Slopes of ALiBi of both kinds.
HEADS = 3
SETTINGS = [
    dict(over='alibi', hidden=5),
    dict(over='rotary', hidden=3),
    # Few units: a finite difference that steps over the bend of one is off by more than rounding.
    dict(over=dict(name='t5_bias', buckets=8, max_distance=20), hidden=6),
]
OTHER = {'over': ('none', {}), 'hidden': (16, {})}


class Oracle(oracles.Oracle):
    def logits(self, s):
        with_bias_HLM = self.options['over'].logits(s)
        # Rotary has no bias; what has one leaves queries and keys as they are.
        logits_HLM = with_bias_HLM if self.weights['up'].shape[1] == len(with_bias_HLM) else super().logits(s)
        seen_NLM = np.concatenate([logits_HLM, with_bias_HLM - logits_HLM])[: self.weights['up'].shape[1]]
        out_HLM = np.zeros(logits_HLM.shape)
        for i, j in np.argwhere(s.allowed_LM):
            hidden_F = seen_NLM[:, i, j] @ self.weights['up'][0] + self.weights['up_bias']
            hidden_F = np.maximum(hidden_F, 0) + 0.01 * np.minimum(hidden_F, 0)
            out_HLM[:, i, j] = with_bias_HLM[:, i, j] + hidden_F @ self.weights['down'][0]
        return out_HLM
