"""Models out of parts: attention, one block, bodies made of it."""
