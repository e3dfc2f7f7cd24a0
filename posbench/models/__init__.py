"""Models out of parts: attention, one block, what bodies are made of, and a model around a body."""
