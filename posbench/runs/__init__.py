"""Runs and studies: folders, processes, rows."""
