"""A bias by distance that claims to tell tokens apart through the causal mask alone."""

from tests.encodings.strangers._meant import Distance as Right


class Encoding(Right):
    causal_only = True
