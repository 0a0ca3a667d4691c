"""Visibility: which variables' interventions the frames show, the latents hold, and the slots keep."""
