"""Flows: invertible maps of latents with log-determinants; `factory` builds those that methods use."""
