"""Training: a run assembled from its config, its steps, checkpoints and evaluation."""
