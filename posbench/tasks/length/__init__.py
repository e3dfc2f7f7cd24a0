"""Tasks whose answers generalise to longer questions, for a decoder (Kazemnejad et al. 2023, arXiv 2305.19466)."""
