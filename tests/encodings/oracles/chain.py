"""First below the first layer, then what both add to the logits; neither of those compared here rotates twice."""

from tests.encodings import oracles

# Slopes of ALiBi of both kinds.
HEADS = 3
# A score and running sums of content at positions; two biases.
SCORES = dict(name='chain', first='shaw', second=dict(name='grape_ap', channels=4))
BIASES = dict(name='chain', first='kerple_log', second=dict(name='t5_bias', buckets=8, max_distance=20))
SETTINGS = [
    dict(first='sinusoidal', second='alibi'),
    dict(first=SCORES, second=BIASES),
    dict(first=dict(name='learned', max_length=300), second='rotary'),
]
OTHER = {'first': ('none', {}), 'second': ('rotary', {})}


class Oracle(oracles.Oracle):
    def embed_one(self, x_D, i):
        return self.options['second'].embed_one(self.options['first'].embed_one(x_D, i), i)

    def logits(self, s):
        parts = (self.options['first'], self.options['second'])
        return sum(part.logits(s) for part in parts) - oracles.Oracle({}, {}).logits(s)
