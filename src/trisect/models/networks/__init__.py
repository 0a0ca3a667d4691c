"""Image and vector networks: encoders and decoders, one file per family; `factory` builds what settings name."""
