"""The sizes of a published model, from the shapes of its tensors: stored settings may be wrong, shapes cannot."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trisect import checks
from trisect.models.published.checkpoint import Checkpoint
from trisect.models.shapes import FrameShape

COARSE = 4
MOST_BLOCKS = 8
"""Largest number of halvings of an encoder: frames of 1024 x 1024."""
MOST_FLOW_BLOCKS, MOST_SLOTS = 256, 4096


@dataclass(frozen=True)
class NetworkSizes:
    """Sizes of an encoder, and of its decoder if there is one.

    Attributes:
        shape: shape of the frames.
        channels: channels of the convolutions.
        num_blocks: halvings of the encoder; 0 means the plain networks for 32x32.
        residual_blocks: residual blocks after every doubling of the decoder.
    """

    shape: FrameShape
    channels: int
    num_blocks: int
    residual_blocks: int


def network_sizes(checkpoint: Checkpoint, prefix: str = "") -> NetworkSizes:
    """The sizes of the networks whose tensors are named ``prefix`` + ``encoder.`` and ``decoder.``."""
    encoder = checkpoint.under(f"{prefix}encoder.")
    blocks = {int(match[1]) for name in encoder if (match := re.match(r"net\.(\d{1,3})\.0\.weight$", name))}
    residual = {
        int(match[1])
        for name in checkpoint.under(f"{prefix}decoder.")
        if (match := re.match(r"net\.0\.(\d{1,3})\.net", name))
    }
    first = "net.0.0.weight" if blocks else "net.0.weight"
    channels, colours, *_ = checkpoint.sizes(f"{prefix}encoder.{first}", 4)
    what = f"the encoder in '{checkpoint.path.name}'"
    checks.require(len(blocks) <= MOST_BLOCKS, what, f"one of at most {MOST_BLOCKS} halvings", len(blocks))
    side = COARSE << len(blocks) if blocks else 32
    return NetworkSizes(FrameShape(colours, side, side), channels, len(blocks), max(residual, default=0))


@dataclass(frozen=True)
class LatentSizes:
    """Sizes of the modules after the encoder.

    Attributes:
        num_latents, num_variables: L and K.
        prior_kind: "factorised" or "autoregressive".
        interventions: "perfect" or "imperfect".
        prior_hidden: hidden units per latent of the prior.
        flow_blocks: blocks of the flow, 0 without a flow.
        flow_hidden: hidden units per latent of the flow's networks.
        classifier_hidden: c, half the width of the target classifier.
    """

    num_latents: int
    num_variables: int
    prior_kind: str
    interventions: str
    prior_hidden: int
    flow_blocks: int
    flow_hidden: int
    classifier_hidden: int


def latent_sizes(checkpoint: Checkpoint) -> LatentSizes:
    """The sizes of assignment, prior, flow and target classifier."""
    num_latents, num_slots = checkpoint.sizes("prior_t1.target_params", 2)
    autoregressive = "prior_t1.prior_model.context_layer.weight" in checkpoint.state
    context = "prior_model.context_layer" if autoregressive else "context_layer"
    blocks = [name for name in checkpoint.under("flow.") if name.endswith("transformation.scaling")]
    what = f"the model in '{checkpoint.path.name}'"
    few = max(num_latents, num_slots) <= MOST_SLOTS and len(blocks) <= MOST_FLOW_BLOCKS and num_slots > 1
    must = f"one of at most {MOST_SLOTS} latents and slots and {MOST_FLOW_BLOCKS} blocks, with a variable"
    checks.require(few, what, must, f"{num_latents} latents, {num_slots} slots and {len(blocks)} blocks")
    hidden = checkpoint.sizes("flow.flows.1.net.0.linear.weight", 2)[0] if blocks else num_latents
    return LatentSizes(
        num_latents,
        num_slots - 1,
        "autoregressive" if autoregressive else "factorised",
        "imperfect" if _is_imperfect(checkpoint, autoregressive) else "perfect",
        checkpoint.tensor(f"prior_t1.{context}.weight").shape[0] // num_latents,
        len(blocks),
        hidden // num_latents,
        checkpoint.tensor("intv_classifier.classifiers.0.weight").shape[0] // 2,
    )


def _is_imperfect(checkpoint: Checkpoint, autoregressive: bool) -> bool:
    """Whether interventions are imperfect: the factorised prior's inputs show it, else only the settings do."""
    if autoregressive:
        return checkpoint.flag("imperfect_interventions", False)
    return checkpoint.tensor("prior_t1.inp_layer.weight").shape[-1] > 1
