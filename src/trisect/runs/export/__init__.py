"""Exported models: a folder with weights and JSON for others, and reading one that anybody made."""
