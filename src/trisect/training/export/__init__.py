"""Exporting trained models for others, and reading what others exported."""
