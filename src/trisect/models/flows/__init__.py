"""Flows: invertible maps of latents with log-determinants; `factory` builds the ones that methods use."""
