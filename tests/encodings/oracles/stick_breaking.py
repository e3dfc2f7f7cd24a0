"""Tan et al. 2024, section 2: the stick is broken key by key, from the query backwards."""

import numpy as np

from tests.encodings import oracles

SETTINGS = [{}, dict(attend_current=True, remainder=True), dict(remainder=True)]
OTHER = {'attend_current': (True, {}), 'remainder': (True, {})}
CONTRACT = dict(remainder=True)


class Oracle(oracles.Oracle):
    def weights_of(self, s):
        logits_HLM = self.logits(s)
        out_HLM = np.zeros(logits_HLM.shape)
        for h, i in np.ndindex(logits_HLM.shape[:2]):
            stick = 1.0
            for j in reversed(range(i + 1 if self.options['attend_current'] else i)):
                out_HLM[h, i, j] = stick * oracles.sigmoid(logits_HLM[h, i, j])
                stick -= out_HLM[h, i, j]
            if self.options['remainder']:
                out_HLM[h, i, i] += stick
        return out_HLM
