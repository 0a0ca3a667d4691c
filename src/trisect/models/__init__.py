"""Models: representations, transition priors, assignments and objectives, and what joins them."""
