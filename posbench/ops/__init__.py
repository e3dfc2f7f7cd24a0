"""Arithmetic that knows nothing of encodings: products, sums over blocks, broadcasts."""
