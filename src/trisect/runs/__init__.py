"""Runs: training into a folder, reading it back, scoring it and exporting its model."""
