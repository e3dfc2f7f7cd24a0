"""An option that nobody reads."""

from tests.encodings.strangers._meant import Distance as Right


class Encoding(Right):
    longest: int = 512
