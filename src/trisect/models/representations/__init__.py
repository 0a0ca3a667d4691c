"""Representations, which turn observations into latents and back, before the flow."""
