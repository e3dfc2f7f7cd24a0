"""Barbero et al. 2024, section 6.2: the lowest (1 - p) of the frequencies are taken away."""

from tests.encodings.oracles import rotary

WIDTH = 16
SETTINGS = [{}, dict(kept=0.5, theta=100_000.0, layout='interleaved', fraction=0.5), dict(kept=0.0)]
OTHER = rotary.OTHER | {'kept': (0.25, {})}


class Oracle(rotary.Oracle):
    def frequency(self, c, width):
        return super().frequency(c, width) if c + 1 <= self.options['kept'] * width / 2 else 0.0
