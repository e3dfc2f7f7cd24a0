"""An absolute encoding that leaves the claim `shift_invariant` as it was, True."""

from tests.encodings.strangers._meant import Sine as Right


class Encoding(Right):
    shift_invariant = True
