"""Probes: supervised read-outs that say how well latents predict a factor or a target."""
