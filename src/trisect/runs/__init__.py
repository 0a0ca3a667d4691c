"""Runs: training into a run folder, loading it, scoring it and exporting its model."""
