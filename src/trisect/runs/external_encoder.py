"""Runs around the user's own encoder: finding it, trying it before anything is trained, and knowing it again.

A run folder holds no code of others and not their weights: run.json names the class path if one was given, and
encoder_sample.safetensors holds some training observations with their latents, by which the encoder is known again.
A class path is imported only where the user passes it, never because a run folder names it.
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
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from trisect import checks
from trisect.data.recording import Recording
from trisect.evaluation.encode import as_input
from trisect.methods.method import ExternalEncoder
from trisect.models.representations.external import ExternalRepresentation, check_repeats, latents_by
from trisect.models.representations.frozen import Function, owner
from trisect.models.weights import weights_hash

SAMPLE = "encoder_sample.safetensors"
SAMPLE_SIZE = 16
SAME = 0.05
"""How far latents may differ, in their deviations, when a run is loaded, maybe on another machine."""


class ExternalFunctions(TypedDict, total=False):
    """The encoder and the decoder that a user brings; each a module, another callable, or a class path.

    Attributes:
        encoder: called with frames (batch, channels, height, width) float in [-1, 1], or vectors (batch, D), in
            evaluation mode and without gradients; returns (batch, L). A text ``"package.module:Name"`` is imported:
            a class is called without arguments, anything else is taken as it is.
        decoder: (batch, L) -> frames or vectors as the encoder takes them; None or absent: latents cannot be decoded.
    """

    encoder: Function | str | None
    decoder: Function | str | None


@dataclass(frozen=True)
class External:
    """An encoder and maybe a decoder, with the class paths that they were given by."""

    encoder: Function
    decoder: Function | None
    paths: Mapping[str, str | None]


@dataclass(frozen=True)
class TriedEncoder:
    """An encoder that has shown what it returns.

    Attributes:
        external: the functions.
        observations: (samples, ...) some training observations at rest, spread over time.
        latents: (samples, L) what it returned.
        fingerprint: SHA-256 of its weights, or of these latents where it has none.
    """

    external: External
    observations: np.ndarray
    latents: np.ndarray
    fingerprint: str

    @property
    def encoder(self) -> ExternalEncoder:
        """Both functions as a representation, with the encoder's fingerprint."""
        representation = _representation(self.external, self.observations, self.latents.shape[1])
        return ExternalEncoder(representation, self.fingerprint)

    def describe(self) -> dict[str, Any]:
        """What run.json says of it, in plain types."""
        return {**self.external.paths, "decodes": self.external.decoder is not None, "fingerprint": self.fingerprint}

    def save(self, folder: Path) -> None:
        """Write what the encoder is known again by."""
        save_file({"observations": np.ascontiguousarray(self.observations), "latents": self.latents}, folder / SAMPLE)


def external_functions(given: Mapping[str, Any]) -> External | None:
    """The functions that a user passed, class paths imported; None if none was passed.

    Raises:
        ValueError: a decoder without an encoder, an unknown name, or a class path that cannot be imported.
        TypeError: something that cannot be called.
    """
    for name in given:
        checks.one_of(name, list(ExternalFunctions.__annotations__), "a keyword for functions of your own")
    encoder, decoder = (_function(given.get(name), name) for name in ("encoder", "decoder"))
    if encoder is None:
        checks.require(decoder is None, "a decoder", "beside an encoder", "a decoder alone", "pass encoder= too")
        return None
    paths = {name: path if isinstance(path := given.get(name), str) else None for name in ("encoder", "decoder")}
    return External(encoder, decoder, paths)


def _function(given: Any, name: str) -> Function | None:
    found = _imported(given, name) if isinstance(given, str) else given
    if isinstance(found, type):
        found = found()
    if found is not None and not callable(found):
        todo = "pass a module, a function, or 'package.module:Name'"
        raise TypeError(checks.sentence(f"the {name}", "a callable", type(found).__name__, todo))
    return found


def _imported(path: str, name: str) -> Any:
    module, colon, attribute = path.partition(":")
    what = f"the {name} '{path}'"
    checks.require(bool(module and colon and attribute), what, "of the form package.module:Name", repr(path))
    try:
        found = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        todo = "check the name, and that its folder is on PYTHONPATH"
        raise ValueError(checks.sentence(what, "importable", str(error), todo)) from error
    return found


def try_encoder(external: External, recording: Recording, num_variables: int) -> TriedEncoder:
    """Call an encoder on some frames of the training recording, more than once.

    Raises:
        TypeError, ValueError: it does not return one vector per frame, the same in every call, finite, and of at
            least ``num_variables`` latents.
    """
    rows = np.unique(np.linspace(0, len(recording) - 1, SAMPLE_SIZE).astype(int))
    observations = np.array(recording.observations[rows])
    latents = _checked_latents(external, observations)
    what = "the number of latents that the encoder returns"
    checks.require(latents.shape[1] >= num_variables, what, f"at least the {num_variables} targets", latents.shape[1])
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
    """Which method of a module a function is; empty for the module itself."""
    return getattr(function, "__name__", "")


def recalled(folder: Path, described: Mapping[str, Any], external: External | None) -> ExternalRepresentation:
    """The representation of a run with an encoder of the user's, who passes it again.

    Args:
        folder: of the run.
        described: what its run.json says of the encoder.
        external: what the user passes.

    Raises:
        ValueError: no encoder is passed, or another one than the run was trained with.
    """
    what, must = f"'encoder' in {folder}/run.json", "an object"
    checks.require(isinstance(described, Mapping), what, must, repr(described))
    if external is None:
        raise ValueError(_ask(folder, described))
    sample = _read_sample(folder / SAMPLE)
    latents = sample["latents"]
    now = _checked_latents(external, sample["observations"])
    what, must = "the encoder", f"the one that {folder} was trained with"
    checks.require(now.shape == latents.shape, what, must, f"one of {now.shape[1]} latents, not {latents.shape[1]}")
    change = float(np.abs(now - latents).max() / max(float(latents.std(axis=0).mean()), 1e-12))
    got, todo = "other latents for the frames that the run remembers", "load the weights that it had then"
    checks.require(change <= SAME, what, must, got, todo)
    return _representation(external, sample["observations"], latents.shape[1])


def _ask(folder: Path, described: Mapping[str, Any]) -> str:
    path = described.get("encoder")
    by_path = f"if you trust it, pass encoder='{path}' (--encoder {path})"
    todo = by_path if path else "pass encoder= the module or function that it was trained with"
    return checks.sentence(f"the encoder of the run in {folder}", "passed again: runs hold no code", "none", todo)


def _read_sample(file: Path) -> dict[str, np.ndarray]:
    try:
        sample = load_file(file)
    except FileNotFoundError as error:
        raise FileNotFoundError(checks.sentence(f"the sample {file}", "there", "no such file")) from error
    except SafetensorError as error:
        raise ValueError(checks.sentence(f"the sample {file}", "a safetensors file", str(error))) from error
    whole = sample.keys() == {"observations", "latents"}
    checks.require(whole, f"the sample {file}", "observations and latents", sorted(sample))
    return sample


def _representation(external: External, observations: np.ndarray, num_latents: int) -> ExternalRepresentation:
    shape = torch.Size(as_input(observations[:1]).shape[1:])
    return ExternalRepresentation(external.encoder, external.decoder, num_latents, tuple(shape))
