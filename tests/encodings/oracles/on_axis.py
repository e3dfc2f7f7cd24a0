"""One coordinate of a position of several."""

from tests.encodings import oracles

# What is added to tokens and what is added to logits: by content, by running sums and by positions alone.
ADDED = dict(name='chain', first='sinusoidal', second='shaw')
SUMMED = dict(name='chain', first=dict(name='grape_ap', channels=4), second='kerple_log')
SETTINGS = [dict(over='rotary', axis=1), dict(over=dict(name='chain', first=ADDED, second=SUMMED), axis=0)]
OTHER = {'over': ('alibi', {}), 'axis': (1, {})}


class Oracle(oracles.Oracle):
    def embed_one(self, x_D, i):
        return self.options['over'].embed_one(x_D, i[self.options['axis']])

    def logits(self, s):
        pos_q_L, pos_k_M = (pos[:, self.options['axis']] for pos in (s.pos_q_L, s.pos_k_M))
        return self.options['over'].logits(s._replace(pos_q_L=pos_q_L, pos_k_M=pos_k_M))
