"""Tasks of formal languages, by their place in the Chomsky hierarchy (Deletang et al. 2023, arXiv 2207.02098)."""
