"""Runs with an external encoder: importing it, testing it before training, and recognising it when a run is loaded.

A run folder holds neither the code nor the weights of an external encoder: run.json names its class path if one was
passed, and encoder_sample.safetensors holds some training observations and their latents, by which the encoder is
recognised. A class path is imported only if the user passes it, never because a run folder names it.
"""

from __future__ import annotations

import hashlib
import importlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import torch

from trisect import checks
from trisect.data.recording import Recording
from trisect.frames import as_input
from trisect.methods.method import ExternalEncoder
from trisect.models.representations.external import ExternalRepresentation, check_repeats, latents_by
from trisect.models.representations.frozen import Function, owner
from trisect.models.weights import load_tensors, save_tensors, weights_hash

SAMPLE = "encoder_sample.safetensors"
SAMPLE_SIZE = 16
SAME = 0.05
"""Largest difference of latents, in standard deviations, when a run is loaded, possibly on another machine."""


class ExternalFunctions(TypedDict, total=False):
    """An external encoder and decoder; each is a module, another callable, or a class path.

    Attributes:
        encoder: called with frames (batch, channels, height, width) float in [-1, 1], or vectors (batch, D), in
            evaluation mode and without gradients; returns (batch, L). A text ``"package.module:Name"`` is imported:
            a class is called without arguments, any other object is used directly.
        decoder: (batch, L) -> frames or vectors in the format that the encoder takes; None or absent: latents cannot be
            decoded.
    """

    encoder: Function | str | None
    decoder: Function | str | None


@dataclass(frozen=True)
class External:
    """An external encoder with an optional decoder, and the class paths that they were imported from."""

    encoder: Function
    decoder: Function | None
    paths: Mapping[str, str | None]


@dataclass(frozen=True)
class TriedEncoder:
    """An external encoder that was tested on some observations.

    Attributes:
        external: encoder and decoder.
        observations: (samples, ...) stored training observations, spread over time.
        latents: (samples, L) latents that the encoder returned for them.
        fingerprint: SHA-256 of its weights, or of these latents if it has no weights.
    """

    external: External
    observations: np.ndarray
    latents: np.ndarray
    fingerprint: str

    @property
    def encoder(self) -> ExternalEncoder:
        """Encoder and decoder as a representation, with the encoder's fingerprint."""
        representation = _representation(self.external, self.observations, self.latents.shape[1])
        return ExternalEncoder(representation, self.fingerprint)

    def describe(self) -> dict[str, Any]:
        """The description of the encoder in run.json, in plain types."""
        return {**self.external.paths, "decodes": self.external.decoder is not None, "fingerprint": self.fingerprint}

    def save(self, folder: Path) -> None:
        """Write the sample by which the encoder is recognised."""
        sample = {"observations": np.ascontiguousarray(self.observations), "latents": self.latents}
        save_tensors({name: torch.from_numpy(value) for name, value in sample.items()}, folder / SAMPLE)


def external_functions(given: Mapping[str, Any]) -> External | None:
    """Import the functions that the user passed; None if there is no encoder.

    Args:
        given: the keywords that the user passed, see `ExternalFunctions`.

    Raises:
        ValueError: a decoder without an encoder, an unknown name, or a class path that cannot be imported.
        TypeError: an encoder or decoder that is not callable.
    """
    for name in given:
        checks.one_of(name, list(ExternalFunctions.__annotations__), "a keyword for an external encoder")
    encoder, decoder = (_function(given.get(name), name) for name in ("encoder", "decoder"))
    if encoder is None:
        if decoder is not None:
            checks.refuse("decoder= cannot be used without encoder=; pass encoder= too")
        return None
    paths = {name: path if isinstance(path := given.get(name), str) else None for name in ("encoder", "decoder")}
    return External(encoder, decoder, paths)


def _function(passed: Any, name: str) -> Function | None:
    function = _imported(passed, name) if isinstance(passed, str) else passed
    if isinstance(function, type):
        function = function()
    if function is not None and not callable(function):
        todo = "pass a module, a function, or 'package.module:Name'"
        raise TypeError(checks.sentence(f"the {name}", "a callable", type(function).__name__, todo))
    return function


def _imported(path: str, name: str) -> Any:
    module, colon, attribute = path.partition(":")
    what = f"the {name} '{path}'"
    checks.require(bool(module and colon and attribute), what, "of the form package.module:Name", repr(path))
    try:
        imported = importlib.import_module(module)
        for part in attribute.split("."):
            imported = getattr(imported, part)
    except (ImportError, AttributeError) as error:
        todo = "check the name, and that its folder is on PYTHONPATH"
        raise ValueError(checks.sentence(what, "importable", str(error), todo)) from error
    return imported


def try_encoder(external: External, recording: Recording, num_variables: int) -> TriedEncoder:
    """Test an encoder by calling it repeatedly on some observations of the training recording.

    Raises:
        TypeError, ValueError: the encoder does not return one finite vector of at least ``num_variables`` latents per
            observation, or not the same vectors in every call.
    """
    rows = np.unique(np.linspace(0, len(recording) - 1, SAMPLE_SIZE).astype(int))
    observations = np.array(recording.observations[rows])
    latents = _checked_latents(external, observations)
    what = "the number of latents that the encoder returns"
    must = f"at least {num_variables}, the number of targets"
    checks.require(latents.shape[1] >= num_variables, what, must, latents.shape[1])
    return TriedEncoder(external, observations, latents, _fingerprint(external.encoder, latents))


def _checked_latents(external: External, observations: np.ndarray) -> np.ndarray:
    return check_repeats(lambda rows: latents_by(external.encoder, rows.clone()), as_input(observations)).numpy()


def _fingerprint(encoder: Function, latents: np.ndarray) -> str:
    module = owner(encoder)
    if module is not None and module.state_dict():
        return hashlib.sha256(f"{_name(encoder)} {weights_hash(module)}".encode()).hexdigest()
    decimals = 4 - math.floor(math.log10(max(float(np.abs(latents).max()), 1e-12)))
    rounded = np.round(latents.astype(np.float64), decimals) + 0.0  # without negative zeros
    return hashlib.sha256(f"{latents.shape}".encode() + rounded.tobytes()).hexdigest()


def _name(function: Function) -> str:
    """The name of a method of a module; empty for the module itself."""
    return getattr(function, "__name__", "")


def recalled(folder: Path, described: Mapping[str, Any], external: External | None) -> ExternalRepresentation:
    """The representation of a run that was trained with an external encoder, which the user passes again.

    Args:
        folder: run folder.
        described: description of the encoder in run.json.
        external: the functions that the user passes.

    Raises:
        ValueError: no encoder is passed, or not the one that the run was trained with.
    """
    what, must = f"'encoder' in {folder}/run.json", "an object"
    checks.require(isinstance(described, Mapping), what, must, repr(described))
    if external is None:
        raise ValueError(_missing_encoder(folder, described))
    sample = _read_sample(folder / SAMPLE)
    latents = sample["latents"]
    recomputed = _checked_latents(external, sample["observations"])
    what, must = "the encoder", f"the one that {folder} was trained with"
    got = f"one with {recomputed.shape[1]} latents instead of {latents.shape[1]}"
    checks.require(recomputed.shape == latents.shape, what, must, got)
    change = float(np.abs(recomputed - latents).max() / max(float(latents.std(axis=0).mean()), 1e-12))
    got, todo = "different latents for the observations stored in the run", "load the weights that it was trained with"
    checks.require(change <= SAME, what, must, got, todo)
    return _representation(external, sample["observations"], latents.shape[1])


def _missing_encoder(folder: Path, described: Mapping[str, Any]) -> str:
    path = described.get("encoder")
    by_path = f"if you trust it, pass encoder='{path}' (--encoder {path})"
    todo = by_path if path else "pass encoder= the module or function that it was trained with"
    must = "passed again, because a run folder holds no code"
    return checks.sentence(f"the encoder of the run in {folder}", must, "none", todo)


def _read_sample(file: Path) -> dict[str, np.ndarray]:
    sample = {name: value.numpy() for name, value in load_tensors(file).items()}
    whole = sample.keys() == {"observations", "latents"}
    checks.require(whole, f"the sample {file}", "observations and latents", sorted(sample))
    return sample


def _representation(external: External, observations: np.ndarray, num_latents: int) -> ExternalRepresentation:
    shape = torch.Size(as_input(observations[:1]).shape[1:])
    return ExternalRepresentation(external.encoder, external.decoder, num_latents, tuple(shape))
