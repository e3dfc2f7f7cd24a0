"""An et al. 2024, section 3.2: where a query stands for keys in its chunk, in the one before, and in earlier ones."""

from tests.encodings import oracles

SETTINGS = [
    {},
    dict(over=dict(name='rotary', theta=50.0), span=10, local=4),
    dict(span=30, local=27),
    dict(as_released=True),
    dict(span=30, local=27, as_released=True),
]
OTHER = {
    'over': (dict(name='rotary', theta=50.0), {}),
    'span': (30, {}),
    'local': (5, {}),
    'as_released': (True, {}),
}


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        span, released = self.options['span'], self.options['as_released']
        chunk = span - self.options['local']
        chunks_between, place = i // chunk - j // chunk, i % chunk
        if chunks_between == 1:
            place = min(place + chunk, span if released else span - 1)
        elif chunks_between > 1:
            place = min(chunk - 1 + chunk, span) if released else span - 1
        return self.options['over'].logit(h, q_K, k_K, place - j % chunk, 0)
