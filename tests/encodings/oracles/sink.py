"""`sdpa` of openai/gpt-oss: the softmax over the keys and one number more, whose weight is thrown away."""

import math

import numpy as np

from tests.encodings import oracles

SETTINGS = [{}, dict(trained=False, initial=1.5)]
OTHER = {'initial': (2.0, dict(trained=False)), 'trained': (False, {})}


class Oracle(oracles.Oracle):
    def weights_of(self, s):
        logits_HLM = self.logits(s)
        out_HLM = np.zeros_like(logits_HLM)
        for h, i in np.ndindex(logits_HLM.shape[:2]):
            sink = self.weights['sink'][h] if self.options['trained'] else self.options['initial']
            seen = np.flatnonzero(s.allowed_LM[i])
            shares = [math.exp(logit) for logit in (*logits_HLM[h, i, seen], sink)]
            out_HLM[h, i, seen] = [share / sum(shares) for share in shares[:-1]]
        return out_HLM
