"""Scores, with labels and without, and the report."""
