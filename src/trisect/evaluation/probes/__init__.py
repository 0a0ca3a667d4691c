"""Probes: supervised read-outs that measure how well latents predict a factor or a target."""
