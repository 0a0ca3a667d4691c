"""Tiny real files of every kind, from which hostile ones are made."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tests.varied import varied

import trisect
from trisect.models.causal_encoder import CausalEncoder, CausalEncoderSettings
from trisect.models.published import names
from trisect.models.shapes import FrameShape
from trisect.recipes import citris_nf
from trisect.variables import Angle, Categorical, Continuous, Factor

FRAMES = 200
SIZES = {"num_latents": 4, "hidden": 8, "rank": 2, "networks": "profile"}
FEW = {"steps": 2, "validate_every": 2, "checkpoint_every": 2, "log_every": 2, "logger": None}
FACTORS: tuple[Factor, ...] = (Continuous("x", -2, 2), Angle("turn"), Categorical("kind", 4))


def make(folder: Path) -> Path:
    """``frames.npz``, what becomes of it (``data``, ``run``, ``export``), ``encoder.ckpt`` and ``options.yaml``."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        return _made(folder)
    finally:
        logging.disable(before)


def _made(folder: Path) -> Path:
    np.savez_compressed(folder / "frames.npz", **arrays())
    trisect.convert(folder / "frames.npz", folder / "data")
    options: dict[str, Any] = {"progress": False, "despite_errors": True}
    trisect.train(recipe(), folder / "data", folder / "run", **options)
    trisect.export(folder / "run", folder / "export")
    for stage in ("autoencoder", "flow", "latents"):
        shutil.rmtree(folder / "run" / stage)  # a finished run does not need them
    torch.save(checkpoint(), folder / "encoder.ckpt")
    (folder / "options.yaml").write_text("seed: 3\nflow:\n  num_blocks: 2\n")
    return folder


def recipe() -> Any:
    """A model of a few thousand weights, trained for two steps."""
    parts = {"prior": {"hidden": 2}, "classifier": {"hidden": 2}, "flow": {"num_blocks": 2, "hidden_per_variable": 2}}
    sizes = {"batch_size": 4, "flow_batch_size": 4, "autoencoder": SIZES}
    return varied(citris_nf(), autoencoder_training=FEW, flow_training=FEW, **parts, **sizes)


def arrays() -> dict[str, np.ndarray]:
    """Two patches that jump when they are intervened on."""
    rng = np.random.default_rng(0)
    targets = rng.random((FRAMES - 1, 2)) < 0.3
    places = np.zeros((FRAMES, 2), dtype=np.int64)
    for t in range(1, FRAMES):
        places[t] = np.where(targets[t - 1], rng.integers(0, 8, 2), places[t - 1])
    images = rng.integers(0, 40, (FRAMES, 8, 8, 3), dtype=np.uint8)
    for t, (row, column) in enumerate(places):
        images[t, row, :3, 0] = images[t, 4:7, column, 1] = 255
    names = {"keys": np.array(["c0", "c1"])}
    latents = (places / 4 - 1).astype(np.float32)
    return {"images": images, "targets": targets.astype(np.uint8), "latents": latents, **names}


def checkpoint() -> dict[str, Any]:
    """A checkpoint of a causal encoder as the published code writes it."""
    torch.manual_seed(0)
    settings = CausalEncoderSettings(networks="published", features=8, channels=4)
    model = CausalEncoder(FrameShape(3, 32, 32), FACTORS, settings)
    theirs = {ours: name for name, ours in names.encoder_names(0).items()}
    state = {f"encoder.{_renamed(name, theirs)}": value for name, value in model.network.state_dict().items()}
    for factor, head in zip(FACTORS, model.heads):
        state |= {f"pred_layers.{factor.name}.{name}": value for name, value in head.state_dict().items()}
    kinds = {"x": "continuous_2", "turn": "angle", "kind": "categ_4"}
    hyper_parameters = {"c_hid": 4, "causal_var_info": kinds, "lr": 1e-3}
    return {"state_dict": state, "hyper_parameters": hyper_parameters, "global_step": 60, "epoch": 1}


def _renamed(name: str, table: dict[str, str]) -> str:
    module = max((ours for ours in table if name.startswith(f"{ours}.")), key=len)
    return table[module] + name.removeprefix(module).replace("embed", "pos_embed")
