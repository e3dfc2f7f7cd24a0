"""Barbero et al. 2024, section 6.2: the lowest (1 - p) of the frequencies are taken away."""

from tests.encodings.oracles import rotary

WIDTH = 16
# The second of three pairs is kept, so that theta is heard.
SETTINGS = [{}, dict(kept=0.7, theta=100_000.0, layout='interleaved', fraction=0.8), dict(kept=0.0)]
OTHER = rotary.OTHER | {'kept': (0.25, {})}


class Oracle(rotary.Oracle):
    def frequency(self, c, width):
        return super().frequency(c, width) if c + 1 <= self.options['kept'] * width / 2 else 0.0
