"""Logs: recordings with a row per frame and columns with names, from tables, films, arrays and robot data sets."""
