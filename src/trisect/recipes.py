"""Recipes: functions that return the frozen settings of a run; vary them with `dataclasses.replace` or a flag.

Each function is defined in the module of its method, in `trisect.methods`.

The arguments of all are alike: the number of latents first, further ones by name.

Example:
    >>> recipe = citris_nf(num_latents=12, seed=3)
    >>> recipe.method, recipe.autoencoder.num_latents, recipe.closed_form.seed
    ('citris-nf', 12, 3)
"""

from __future__ import annotations

from trisect.methods.citris_nf import CitrisNfRecipe, citris_nf, citris_nf_conv, citris_nf_glimpse, citris_nf_vectors
from trisect.methods.citris_vae import CitrisVaeRecipe, citris_vae, citris_vae_conv
from trisect.methods.closed_form import ClosedFormRecipe, closed_form
from trisect.methods.frozen_latents import convolutional
from trisect.methods.recipe import Recipe, on_gpu
from trisect.methods.table import PRESETS as RECIPES
from trisect.runs.causal_encoder import CausalEncoderRecipe, load_causal_encoder, train_causal_encoder
from trisect.runs.import_checkpoint import import_checkpoint

__all__ = [
    "RECIPES",
    "CausalEncoderRecipe",
    "CitrisNfRecipe",
    "CitrisVaeRecipe",
    "ClosedFormRecipe",
    "Recipe",
    "citris_nf",
    "citris_nf_conv",
    "citris_nf_glimpse",
    "citris_nf_vectors",
    "citris_vae",
    "citris_vae_conv",
    "closed_form",
    "convolutional",
    "import_checkpoint",
    "load_causal_encoder",
    "on_gpu",
    "train_causal_encoder",
]
