"""Is this data set fit: what can be identified from it, are targets and frames aligned, what lies in it."""
