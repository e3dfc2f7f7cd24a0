"""Llama 3.1's `apply_scaling`: three cases by wavelength."""

import math

from tests.encodings.oracles import rotary

WIDTH = 32
SETTINGS = [
    {},
    dict(factor=3.0, original_length=60, low_turns=0.3, high_turns=2.0, theta=100_000.0, layout='interleaved'),
    dict(theta=1000.0, fraction=0.8),
]
OTHER = rotary.OTHER | {
    'factor': (2.0, {}),
    'original_length': (1000, {}),
    'low_turns': (0.5, {}),
    'high_turns': (2.0, dict(low_turns=0.5)),
}


class Oracle(rotary.Oracle):
    def frequency(self, c, width):
        plain, trained = super().frequency(c, width), self.options['original_length']
        wavelength = 2 * math.pi / plain
        low, high = self.options['low_turns'], self.options['high_turns']
        if wavelength < trained / high:
            return plain
        if wavelength > trained / low:
            return plain / self.options['factor']
        smooth = (trained / wavelength - low) / (high - low)
        return (1 - smooth) * plain / self.options['factor'] + smooth * plain
