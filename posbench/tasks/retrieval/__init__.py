"""Tasks that ask for something that was said before."""
