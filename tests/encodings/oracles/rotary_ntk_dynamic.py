"""emozilla 2023: the base of each sequence from its length, in which the first position counts as 0."""

from tests.encodings.oracles import rotary

WIDTH = 16
SETTINGS = [
    {},
    dict(original_length=20),
    dict(factor=2.5, original_length=50, theta=100_000.0, layout='interleaved', fraction=0.5),
]
OTHER = rotary.OTHER | {'factor': (4.0, {}), 'original_length': (500, {})}


class Oracle(rotary.Oracle):
    def logits(self, s):
        self.length = max(s.pos_k_M) - min(s.pos_k_M) + 1
        return super().logits(s)

    def frequency(self, c, width):
        s, trained = self.options['factor'], self.options['original_length']
        length = max(self.length, trained)
        base = self.options['theta'] * (s * length / trained - (s - 1)) ** (width / (width - 2))
        return 1 / base ** (2 * c / width)
