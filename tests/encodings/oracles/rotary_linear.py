"""Chen et al. 2023, equation 4: f'(x, m) = f(x, m L / L')."""

from tests.encodings.oracles import rotary

WIDTH = 16
SETTINGS = [{}, dict(factor=2.5, theta=100_000.0, layout='interleaved', fraction=0.5)]
OTHER = rotary.OTHER | {'factor': (2.0, {})}


class Oracle(rotary.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        squeezed = 1 / self.options['factor']
        return super().logit(h, q_K, k_K, i * squeezed, j * squeezed)
