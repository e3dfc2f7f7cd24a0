"""Peng et al. 2024, equation 16: b' = b s^(|D| / (|D| - 2))."""

from tests.encodings.oracles import rotary

WIDTH = 16
SETTINGS = [{}, dict(factor=2.5, theta=100_000.0, layout='interleaved', fraction=0.5)]
OTHER = rotary.OTHER | {'factor': (2.0, {})}


class Oracle(rotary.Oracle):
    def frequency(self, c, width):
        base = self.options['theta'] * self.options['factor'] ** (width / (width - 2))
        return 1 / base ** (2 * c / width)
