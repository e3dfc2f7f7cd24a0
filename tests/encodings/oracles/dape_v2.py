"""Zheng et al. 2024 (arXiv 2410.04798): two convolutions along the keys of a query, over what the query may see."""

import numpy as np

from tests.encodings import oracles

# Slopes of ALiBi of both kinds.
HEADS = 3
SETTINGS = [
    dict(over='alibi', hidden=5),
    dict(over='rotary', hidden=3, reach=2),
    # Few units: a finite difference that steps over the bend of one is off by more than rounding.
    dict(over=dict(name='t5_bias', buckets=8, max_distance=20), hidden=6),
]
OTHER = {'over': ('none', {}), 'hidden': (16, {}), 'reach': (2, {})}


class Oracle(oracles.Oracle):
    def logits(self, s):
        with_bias_HLM = self.options['over'].logits(s)
        # Rotary has no bias; what has one leaves queries and keys as they are.
        logits_HLM = with_bias_HLM if self.weights['up'].shape[1] == len(with_bias_HLM) else super().logits(s)
        seen_NLM = np.concatenate([logits_HLM, with_bias_HLM - logits_HLM])[: self.weights['up'].shape[1]]
        hidden_FLM = self.convolved(seen_NLM, self.weights['up'], self.weights['up_bias'], s.allowed_LM)
        hidden_FLM = np.where(hidden_FLM < 0, 0.01 * hidden_FLM, hidden_FLM)
        return with_bias_HLM + self.convolved(hidden_FLM, self.weights['down'], np.zeros(len(logits_HLM)), s.allowed_LM)

    def convolved(self, x_NLM, kernel, bias, allowed_LM):
        reach, (_, length, keys) = self.options['reach'], x_NLM.shape
        out = np.zeros((len(bias), length, keys))
        for i, j in np.argwhere(allowed_LM):
            out[:, i, j] = bias
            for step in range(-reach, reach + 1):
                if 0 <= j + step < keys and allowed_LM[i, j + step]:
                    out[:, i, j] += x_NLM[:, i, j + step] @ kernel[step + reach]
        return out
