"""Transition priors: p(z^{t+1} | z^t, I^{t+1}) per latent and slot; `factory` builds the one that settings name."""
