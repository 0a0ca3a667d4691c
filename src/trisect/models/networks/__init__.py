"""Image and vector networks: one file per family of encoders and decoders, and `factory`."""
