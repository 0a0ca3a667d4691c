"""Exported models: writing a folder with weights and JSON for other users, and reading such a folder safely."""
