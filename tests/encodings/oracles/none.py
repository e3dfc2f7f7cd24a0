"""Nothing."""

from tests.encodings import oracles

SETTINGS = [{}]
OTHER = {}

Oracle = oracles.Oracle
