"""Peng et al. 2024, sections 3.2 and 3.4, and the authors' code for the ends of the ramp."""

import math

from tests.encodings.oracles import rotary

WIDTH = 32
SETTINGS = [
    {},
    dict(factor=4.0, original_length=300, beta_fast=10.0, beta_slow=0.5, theta=100_000.0, layout='interleaved'),
    dict(truncate=False, attention_factor=1.0, fraction=0.8),
    dict(ramp='turns', beta_fast=9.0, mscale=0.7, mscale_all_dim=0.4),
]
OTHER = rotary.OTHER | {
    'factor': (2.0, {}),
    'original_length': (1000, {}),
    'beta_fast': (2.0, {}),
    'beta_slow': (0.1, {}),
    'ramp': ('turns', {}),
    'truncate': (False, {}),
    'attention_factor': (1.0, {}),
    'mscale': (0.3, dict(mscale=1.0, mscale_all_dim=1.0)),
    'mscale_all_dim': (0.3, dict(mscale=1.0, mscale_all_dim=1.0)),
}


class Oracle(rotary.Oracle):
    def frequency(self, c, width):
        plain = super().frequency(c, width)
        share = (self.by_pair if self.options['ramp'] == 'pairs' else self.by_turns)(c, width, plain)
        return (1 - share) * plain / self.options['factor'] + share * plain

    def by_turns(self, c, width, plain):
        """gamma(r), equation 18, with alpha = beta_slow and beta = beta_fast."""
        r = self.options['original_length'] / (2 * math.pi / plain)
        alpha, beta = self.options['beta_slow'], self.options['beta_fast']
        if r < alpha:
            return 0.0
        return 1.0 if r > beta else (r - alpha) / (beta - alpha)

    def by_pair(self, c, width, plain):
        """How much of the plain frequency is left."""
        ends = []
        for rotations in (self.options['beta_fast'], self.options['beta_slow']):
            wavelength = self.options['original_length'] / rotations
            ends.append(width * math.log(wavelength / (2 * math.pi)) / (2 * math.log(self.options['theta'])))
        low, high = ends
        if self.options['truncate']:
            low, high = math.floor(low), math.ceil(high)
        low, high = max(low, 0), min(high, width - 1)
        return 1 - min(max((c - low) / (high - low), 0), 1)

    def factor(self):
        s, given = self.options['factor'], self.options['attention_factor']
        if given is not None:
            return given
        if self.options['mscale'] is not None:
            return (0.1 * self.options['mscale'] * math.log(s) + 1) / (
                0.1 * self.options['mscale_all_dim'] * math.log(s) + 1
            )
        return 0.1 * math.log(s) + 1
