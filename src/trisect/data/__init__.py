"""Recordings in memory and on disk, conversion of outside formats, and the loader."""
