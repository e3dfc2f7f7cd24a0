"""Every encoding drawn from its hooks, and its facts."""
