"""Published checkpoints as ordinary models.

| kind | becomes |
|---|---|
| autoencoder | `trisect.models.representations.autoencoder.Autoencoder` |
| causal encoder | `trisect.models.causal_encoder.CausalEncoder` |
| CITRIS-VAE | `trisect.models.variational_model.VariationalModel` |
| CITRIS-NF | `trisect.models.causal_model.CausalModel`, with the autoencoder in the file |

All weights come from the file itself; paths in it are never followed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from trisect import checks
from trisect.models.assignment import Assignment
from trisect.models.bounded_building import at_most
from trisect.models.causal_encoder import CausalEncoder, CausalEncoderSettings
from trisect.models.causal_model import CausalModel
from trisect.models.flows.affine import ActNorm
from trisect.models.flows.factory import linear_flow, published_flow
from trisect.models.flows.flow import Chain
from trisect.models.networks.factory import NetworkOptions, decoder_for, encoder_for
from trisect.models.networks.variational import VariationalEncoder
from trisect.models.priors.autoregressive import AutoregressivePrior
from trisect.models.priors.factorised import ImperfectPrior, PerfectPrior
from trisect.models.priors.transition import TransitionPrior
from trisect.models.published import names, settings
from trisect.models.published.checkpoint import AGAIN, Checkpoint, read_checkpoint
from trisect.models.published.names import Filling
from trisect.models.published.sizes import LatentSizes, NetworkSizes, latent_sizes, network_sizes
from trisect.models.representations.autoencoder import Autoencoder
from trisect.models.representations.representation import FrameRepresentation, Representation
from trisect.models.representations.variational import VariationalFrames, VariationalRepresentation
from trisect.models.slot_model import Parts
from trisect.models.target_classifier import TargetClassifier
from trisect.models.variational_model import VariationalModel

Published = Autoencoder | CausalEncoder | VariationalModel | CausalModel
AUTOENCODER_BLOCKS, VAE_BLOCKS = 2, 1
"""Residual blocks after every doubling in the published decoders."""


def load(path: str | Path, variables: Sequence[str] | None = None) -> Published:
    """Load the model of a published checkpoint, in evaluation mode.

    Args:
        path: a ``.ckpt`` file of the published code.
        variables: names of the model's variables, in its order, if your data sets use other names than the file; only
            for CITRIS-VAE and CITRIS-NF.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is not such a checkpoint, is cut short, contains an object that reading would execute,
            lacks tensors or has others; or there are not as many names as variables.
    """
    return from_checkpoint(read_checkpoint(path), variables)


def from_checkpoint(checkpoint: Checkpoint, variables: Sequence[str] | None = None) -> Published:
    """See `load`; weights that the file lacks, such as our autoencoder's auxiliary head, are the same in every call."""
    stored = sum(tensor.numel() for tensor in checkpoint.state.values())
    with torch.random.fork_rng([]), at_most(stored, f"the model in '{checkpoint.path.name}'", AGAIN):
        torch.manual_seed(0)
        return _from_checkpoint(checkpoint, variables)


def _from_checkpoint(checkpoint: Checkpoint, variables: Sequence[str] | None) -> Published:
    filling = Filling(checkpoint)
    model: Published
    if checkpoint.kind in ("autoencoder", "causal-encoder"):
        if variables is not None:
            raise ValueError(f"variables cannot be given for a published {checkpoint.kind}; leave them out")
        is_autoencoder = checkpoint.kind == "autoencoder"
        model = _autoencoder(filling, "", num_variables=1) if is_autoencoder else _causal_encoder(filling)
    else:
        build = _citris_vae if checkpoint.kind == "citris-vae" else _citris_nf
        model = build(filling, settings.variable_names(checkpoint, variables))
        filling.leave("causal_encoder.")  # the ranges of its factors are only in its own file
    filling.finish()
    return model.eval()


def _autoencoder(filling: Filling, prefix: str, num_variables: int) -> Autoencoder:
    checkpoint, sizes = filling.checkpoint, network_sizes(filling.checkpoint, prefix)
    _require_blocks(checkpoint, sizes, AUTOENCODER_BLOCKS)
    _, num_latents = checkpoint.sizes(f"{prefix}decoder.linear.0.weight", 2)
    model = Autoencoder(sizes.shape, num_variables, settings.autoencoder_settings(checkpoint, sizes, num_latents))
    filling.fill(model.encoder, f"{prefix}encoder.", names.encoder_names(sizes.num_blocks))
    filling.fill(model.decoder, f"{prefix}decoder.", names.decoder_names(sizes.num_blocks, sizes.residual_blocks))
    filling.leave(f"{prefix}encoder.scale_factor")  # scales a log-std, which an autoencoder does not have
    model.initialised.fill_(True)
    return model


def _require_blocks(checkpoint: Checkpoint, sizes: NetworkSizes, expected: int) -> None:
    what = f"the decoder in '{checkpoint.path.name}' ({checkpoint.kind})"
    must, got = f"one with {expected} residual blocks per doubling", sizes.residual_blocks
    checks.require(sizes.num_blocks == 0 or got == expected, what, must, got)


def _causal_encoder(filling: Filling) -> CausalEncoder:
    checkpoint, sizes = filling.checkpoint, network_sizes(filling.checkpoint)
    factors = settings.causal_encoder_factors(checkpoint)
    _, features = checkpoint.sizes(f"{settings.head_of(checkpoint, factors[0].name)}weight", 2)
    options = CausalEncoderSettings(networks="published", features=features, channels=sizes.channels)
    model = CausalEncoder(sizes.shape, factors, options)
    filling.fill(model.network, "encoder.", names.encoder_names(sizes.num_blocks))
    filling.leave("encoder.scale_factor")
    for factor, layer in zip(factors, model.heads):
        filling.fill(layer, settings.head_of(checkpoint, factor.name), {"weight": "weight", "bias": "bias"})
    model.initialised.fill_(True)
    return model


def _citris_nf(filling: Filling, variables: tuple[str, ...]) -> CausalModel:
    checkpoint, sizes = filling.checkpoint, latent_sizes(filling.checkpoint)
    representation: Representation = FrameRepresentation(_autoencoder(filling, "autoencoder.", sizes.num_variables))
    identity = linear_flow(torch.zeros(sizes.num_latents), torch.eye(sizes.num_latents))
    flow = Chain([*identity.flows, *_flow(filling, sizes).flows])
    parts = Parts(representation, flow, *_after_flow(filling, sizes))
    return CausalModel(parts, variables, settings.objective_settings(checkpoint))


def _citris_vae(filling: Filling, variables: tuple[str, ...]) -> VariationalModel:
    checkpoint, sizes = filling.checkpoint, latent_sizes(filling.checkpoint)
    networks, options = network_sizes(checkpoint), NetworkOptions(num_blocks=VAE_BLOCKS)
    _require_blocks(checkpoint, networks, VAE_BLOCKS)
    arguments = (networks.shape, sizes.num_latents, "published", networks.channels)
    encoder, decoder = encoder_for(*arguments, variational=True), decoder_for(*arguments, options)
    assert isinstance(encoder, VariationalEncoder)
    bound = {"scale_factor": "bound.scale"} if networks.num_blocks else {}
    filling.fill(encoder, "encoder.", {**bound, **names.within(names.encoder_names(networks.num_blocks), "network")})
    filling.leave("encoder.scale_factor")
    filling.fill(decoder, "decoder.", names.decoder_names(networks.num_blocks, networks.residual_blocks))
    flow = _flow(filling, sizes) if sizes.flow_blocks else Chain([])
    representation: VariationalRepresentation = VariationalFrames(networks.shape, encoder, decoder)
    parts = Parts(representation, flow, *_after_flow(filling, sizes))
    model = VariationalModel(parts, variables, settings.variational_settings(checkpoint, sizes))
    model.initialised.fill_(True)
    return model


def _flow(filling: Filling, sizes: LatentSizes) -> Chain:
    flow = published_flow(sizes.num_latents, sizes.flow_blocks, sizes.flow_hidden, torch.Generator().manual_seed(0))
    for number, layer in enumerate(flow.flows):
        only_ours = ("initialised",) if isinstance(layer, ActNorm) else ()
        filling.fill(layer, f"flow.flows.{number}.", names.FLOWS[type(layer)], only_ours)
        if isinstance(layer, ActNorm):
            layer.initialised.fill_(True)
    return flow


def _after_flow(filling: Filling, sizes: LatentSizes) -> tuple[Assignment, TransitionPrior, TargetClassifier]:
    """The modules after the flow."""
    assignment = Assignment(sizes.num_latents, sizes.num_variables)
    with torch.no_grad():
        assignment.logits.copy_(filling.take("prior_t1.target_params"))
    return assignment, _prior(filling, sizes), _classifier(filling, sizes)


def _prior(filling: Filling, sizes: LatentSizes) -> TransitionPrior:
    arguments, perfect = (sizes.num_latents, sizes.num_variables, sizes.prior_hidden), sizes.interventions == "perfect"
    prior: TransitionPrior
    if sizes.prior_kind == "autoregressive":
        prior, table = AutoregressivePrior(*arguments, perfect=perfect), names.AUTOREGRESSIVE_PRIOR
    elif perfect:
        prior, table = PerfectPrior(*arguments), {**names.PRIOR, "intv_prior": "intervened"}
    else:
        prior, table = ImperfectPrior(*arguments), names.PRIOR
    filling.fill(prior, "prior_t1.", table)
    filling.leave("prior_t1.intv_prior")  # only the perfect, factorised prior uses it
    return prior


def _classifier(filling: Filling, sizes: LatentSizes) -> TargetClassifier:
    classifier = TargetClassifier(
        sizes.num_latents, sizes.num_variables, settings.classifier_settings(filling.checkpoint, sizes)
    )
    rates = classifier.base_rates
    for network, prefix in ((classifier.network, "classifiers."), (classifier.judge, "exp_classifiers.")):
        filling.fill(network, f"intv_classifier.{prefix}", _layers(network))
    with torch.no_grad():
        rates.marginal.copy_(filling.take("intv_classifier.avg_dist")[:, 1])
        rates.num_batches.fill_(filling.checkpoint.step)
        if "intv_classifier.avg_cond_dist" in filling.checkpoint.state:
            rates.conditional.copy_(filling.take("intv_classifier.avg_cond_dist")[..., 1])
            rates.counts.copy_(filling.take("intv_classifier.dist_cond_steps"))
    return classifier


def _layers(network: nn.Module) -> dict[str, str]:
    """Names of a sequence's layers, each mapped to itself."""
    return {name: name for name, _ in network.named_children()}
