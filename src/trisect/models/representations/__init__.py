"""Representations: what turns observations into latents and back, before the flow."""
