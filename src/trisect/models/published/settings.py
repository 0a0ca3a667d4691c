"""Settings of a published checkpoint as our settings: names, factors, and weights of objectives."""

from __future__ import annotations

import re
from collections.abc import Sequence

from trisect import checks
from trisect.models.causal_model import ObjectiveSettings
from trisect.models.published.checkpoint import Checkpoint
from trisect.models.published.sizes import LatentSizes, NetworkSizes, network_sizes
from trisect.models.representations.autoencoder_settings import AutoencoderSettings
from trisect.models.target_classifier import TargetClassifierSettings
from trisect.models.variational_model import VariationalSettings
from trisect.variables import Angle, Categorical, Continuous, Factor

MOST_SAMPLES = 1024


def variable_names(checkpoint: Checkpoint, given: Sequence[str] | None = None) -> tuple[str, ...]:
    """Names of the variables: the given ones, or those in the file, or variable_0, ...; one per variable."""
    count = checkpoint.sizes("prior_t1.target_params", 2)[1] - 1
    stored = checkpoint.settings.get("var_names")
    if not isinstance(stored, list | tuple) or len(stored) != count:
        stored = [f"variable_{i}" for i in range(count)]
    names = [str(name) for name in (stored if given is None else given)]
    what = f"the variables of '{checkpoint.path.name}'"
    checks.require(len(names) == count, what, f"{count} names", f"{len(names)}: {', '.join(names[:8])}")
    return checks.unique_names(names, what)


def autoencoder_settings(checkpoint: Checkpoint, sizes: NetworkSizes, num_latents: int) -> AutoencoderSettings:
    """The settings with which our autoencoder has the published networks."""
    noise = checkpoint.number("noise_level", 0.05)
    return AutoencoderSettings(
        num_latents=num_latents, networks="published", channels=sizes.channels, latent_noise=noise
    )


def classifier_settings(checkpoint: Checkpoint, sizes: LatentSizes) -> TargetClassifierSettings:
    """The settings of the target classifier."""
    momentum = checkpoint.number("classifier_momentum", 0.0)
    conditional = checkpoint.flag("classifier_use_conditional_targets", True)
    return TargetClassifierSettings(sizes.classifier_hidden, momentum, conditional)


def variational_settings(checkpoint: Checkpoint, sizes: LatentSizes) -> VariationalSettings:
    """The settings of a CITRIS-VAE; the KL is as published, and the other weights are those of the file."""
    return VariationalSettings(
        num_latents=sizes.num_latents,
        networks="published",
        channels=network_sizes(checkpoint).channels,
        flow_prior=sizes.flow_blocks > 0,
        beta=checkpoint.number("beta_t1", 1.0),
        noise_discount=checkpoint.number("lambda_reg", 0.01),
        noise_bonus=checkpoint.number("lambda_reg", 0.01),
        classifier=checkpoint.number("beta_classifier", 2.0),
        foreground=0.0,
    )


def objective_settings(checkpoint: Checkpoint) -> ObjectiveSettings:
    """The objectives of a CITRIS-NF; those that are not published are switched off."""
    samples, what = checkpoint.settings.get("num_samples", 2), f"num_samples of '{checkpoint.path.name}'"
    checks.require(checks.positive_int(samples, what) <= MOST_SAMPLES, what, f"at most {MOST_SAMPLES}", samples)
    return ObjectiveSettings(
        noise=checkpoint.number("noise_level", 0.05),
        num_samples=max(2, samples),
        minimality=0.0,
        noise_bonus=checkpoint.number("lambda_reg", 0.01),
        latents=checkpoint.number("beta_classifier", 1.0),
    )


def causal_encoder_factors(checkpoint: Checkpoint) -> list[Factor]:
    """The factors that a published causal encoder predicts, as the file describes them."""
    what = f"the causal_var_info of '{checkpoint.path.name}'"
    described = checkpoint.settings.get("causal_var_info")
    is_described = isinstance(described, dict) and len(described) > 0
    checks.require(is_described, what, "a description of its factors", checks.quoted(described))
    return [_factor(checkpoint, str(name), checks.shown(kind), what) for name, kind in dict(described or {}).items()]


def head_of(checkpoint: Checkpoint, factor: str) -> str:
    """Prefix of the tensors of the layer that predicts a factor."""
    nested = f"pred_layers.{factor}.0."
    return nested if f"{nested}weight" in checkpoint.state else f"pred_layers.{factor}."


def _factor(checkpoint: Checkpoint, name: str, kind: str, what: str) -> Factor:
    """``continuous_A`` within [-A, A], ``angle``, or ``categ_N`` with an output per category."""
    if kind.startswith("angle"):
        return Angle(name)
    match = re.fullmatch(r"(continuous|categ)_(\d{1,6}(?:\.\d{0,6})?)", kind)
    checks.require(match is not None, what, "continuous_A, angle or categ_N", f"{checks.shown(name)}: {kind}")
    assert match is not None
    size = float(match[2])
    if match[1] == "continuous":
        return Continuous(name, -size, size)
    outputs, _ = checkpoint.sizes(f"{head_of(checkpoint, name)}weight", 2)
    must = f"{outputs} categories of {checks.shown(name)}, as many as its layer has outputs"
    checks.require(size == outputs, what, must, kind)
    return Categorical(name, outputs)
