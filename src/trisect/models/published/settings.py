"""Settings of a published checkpoint as our settings: names, factors, and weights of objectives."""

from __future__ import annotations

import re
from collections.abc import Sequence

from trisect import checks
from trisect.models.causal_model import ObjectiveSettings
from trisect.models.published.checkpoint import Checkpoint
from trisect.models.published.sizes import LatentSizes, NetworkSizes, network_sizes
from trisect.models.representations.autoencoder import AutoencoderSettings
from trisect.models.target_classifier import TargetClassifierSettings
from trisect.models.variational_model import VariationalSettings
from trisect.variables import Angle, Categorical, Continuous, Factor


def variable_names(checkpoint: Checkpoint, given: Sequence[str] | None = None) -> tuple[str, ...]:
    """Names of the variables: the given ones, or those in the file, or variable_0, ...; one per variable."""
    count = checkpoint.tensor("prior_t1.target_params").shape[1] - 1
    stored = checkpoint.settings.get("var_names")
    if not isinstance(stored, list | tuple) or len(stored) != count:
        stored = [f"variable_{i}" for i in range(count)]
    names = [str(name) for name in (stored if given is None else given)]
    what = f"the variables of '{checkpoint.path.name}'"
    checks.require(len(names) == count, what, f"{count} names", f"{len(names)}: {', '.join(names)}")
    return checks.unique_names(names, what)


def autoencoder_settings(checkpoint: Checkpoint, sizes: NetworkSizes, num_latents: int) -> AutoencoderSettings:
    """The settings with which our autoencoder has the published networks."""
    noise = float(checkpoint.settings.get("noise_level", 0.05))
    return AutoencoderSettings(
        num_latents=num_latents, networks="published", channels=sizes.channels, latent_noise=noise
    )


def classifier_settings(checkpoint: Checkpoint, sizes: LatentSizes) -> TargetClassifierSettings:
    """The settings of the target classifier."""
    stored = checkpoint.settings
    momentum = float(stored.get("classifier_momentum", 0.0))
    conditional = bool(stored.get("classifier_use_conditional_targets", True))
    return TargetClassifierSettings(sizes.classifier_hidden, momentum, conditional)


def variational_settings(checkpoint: Checkpoint, sizes: LatentSizes) -> VariationalSettings:
    """The settings of a CITRIS-VAE; the KL is as published, and the other weights are those of the file."""
    stored = checkpoint.settings
    return VariationalSettings(
        num_latents=sizes.num_latents,
        networks="published",
        channels=network_sizes(checkpoint).channels,
        flow_prior=sizes.flow_blocks > 0,
        beta=float(stored.get("beta_t1", 1.0)),
        noise_discount=float(stored.get("lambda_reg", 0.01)),
        noise_bonus=float(stored.get("lambda_reg", 0.01)),
        classifier=float(stored.get("beta_classifier", 2.0)),
        foreground=0.0,
    )


def objective_settings(checkpoint: Checkpoint) -> ObjectiveSettings:
    """The objectives of a CITRIS-NF; those that are not published are switched off."""
    stored = checkpoint.settings
    return ObjectiveSettings(
        noise=float(stored.get("noise_level", 0.05)),
        num_samples=max(2, int(stored.get("num_samples", 2))),
        minimality=0.0,
        noise_bonus=float(stored.get("lambda_reg", 0.01)),
        latents=float(stored.get("beta_classifier", 1.0)),
    )


def causal_encoder_factors(checkpoint: Checkpoint) -> list[Factor]:
    """The factors that a published causal encoder predicts, as the file describes them."""
    what = f"the causal_var_info of '{checkpoint.path.name}'"
    described = checkpoint.settings.get("causal_var_info")
    is_described = isinstance(described, dict) and len(described) > 0
    checks.require(is_described, what, "a description of its factors", repr(described)[:80])
    return [_factor(str(name), str(kind), what) for name, kind in dict(described or {}).items()]


def _factor(name: str, kind: str, what: str) -> Factor:
    """``continuous_A`` within [-A, A], ``angle``, or ``categ_N``."""
    if kind.startswith("angle"):
        return Angle(name)
    match = re.fullmatch(r"(continuous|categ)_([0-9.]+)", kind)
    checks.require(match is not None, what, "continuous_A, angle or categ_N", f"{name}: {kind}")
    assert match is not None
    size = float(match[2])
    return Continuous(name, -size, size) if match[1] == "continuous" else Categorical(name, int(size))
