"""What a model reads, as vectors: one kind of input a file."""
