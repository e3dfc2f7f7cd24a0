"""Tasks that read images, patch by patch."""
