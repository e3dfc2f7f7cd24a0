"""Chen et al. 2022: the gate as written in the released models, two groups of four units that are added up."""

from tests.encodings import oracles
from tests.encodings.oracles import t5_bias

SETTINGS = [{}, dict(buckets=8, max_distance=20, bidirectional=False)]
OTHER = {'buckets': (16, {}), 'max_distance': (400, {}), 'bidirectional': (False, {})}


class Oracle(oracles.Oracle):
    def gate(self, h, x_D):
        kernel, bias = self.weights['gate_kernel'], self.weights['gate_bias']
        x_K = x_D.reshape(self.options['heads'], -1)[h]
        sums = [sum(x_K @ kernel[:, group, n] + bias[group, n] for n in range(4)) for group in range(2)]
        a, b = map(oracles.sigmoid, sums)
        return a * (b * self.weights['gain'][h] - 1) + 2

    def logits(self, s):
        out_HLM, t5 = super().logits(s), t5_bias.Oracle(self.options, {})
        pos_q, pos_k = oracles.plain(s.pos_q_L), oracles.plain(s.pos_k_M)
        for h in range(len(out_HLM)):
            for i, at in enumerate(pos_q):
                gate = self.gate(h, s.x_LD[i])
                for j, to in enumerate(pos_k):
                    out_HLM[h, i, j] += gate * self.weights['table'][h][t5.bucket(at - to)]
        return out_HLM
