"""CITRIS-VAE: encoder, decoder, flow, transition prior and assignment trained together on pairs of frames.

    loss = |x - d(z)|^2 + beta KL(q(z^{t+1} | x^{t+1}) || p(z^{t+1} | z^t, I^{t+1}))

(see `trisect.models.variational_model`),

with a flow between the encoder's latents and those of the prior, and a target classifier that guides latents to the
slots of their variables. Unlike the paper, the networks are the profile networks and a batch has 64 windows instead of
512; ``variational.networks = "published"`` uses the published networks.

Source: Lippe et al., CITRIS, ICML 2022, section 4.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch

from trisect import checks
from trisect.methods.method import Blueprint, Method, Trained, TrainingData
from trisect.methods.recipe import Recipe, known_num_latents, require_latents
from trisect.models.assignment import Assignment
from trisect.models.flows.factory import FlowSettings, published_flow
from trisect.models.flows.flow import Chain
from trisect.models.networks.factory import NetworkOptions, decoder_for, encoder_for
from trisect.models.networks.variational import VariationalEncoder
from trisect.models.networks.vector import VectorDecoder, VectorEncoder
from trisect.models.priors.factory import PriorSettings, prior_for
from trisect.models.representations.variational import (
    VariationalFrames,
    VariationalRepresentation,
    VariationalVectors,
)
from trisect.models.shapes import FrameShape, default_num_latents
from trisect.models.slot_model import Parts
from trisect.models.target_classifier import TargetClassifier, TargetClassifierSettings
from trisect.models.variational_model import VariationalModel, VariationalSettings
from trisect.training.settings import TrainingSettings
from trisect.training.stage import Stage, StageContext, train_stage


@dataclass(frozen=True)
class CitrisVaeRecipe(Recipe):
    """All settings of a run of CITRIS-VAE.

    Attributes:
        batch_size: windows per batch.
        variational: settings of the encoder, the decoder and the loss.
        flow: settings of the flow between the encoder's latents and the prior's.
        prior: settings of the transition prior.
        classifier: settings of the target classifier.
        variational_training: training settings of the model.
    """

    method = "citris-vae"
    image_trainings = ("variational_training",)

    batch_size: int = 64
    variational: VariationalSettings = field(default_factory=VariationalSettings)
    flow: FlowSettings = field(default_factory=FlowSettings)
    prior: PriorSettings = field(default_factory=PriorSettings)
    classifier: TargetClassifierSettings = field(default_factory=lambda: TargetClassifierSettings(momentum=0.9))
    variational_training: TrainingSettings = field(
        default_factory=lambda: TrainingSettings(
            steps=10_000, learning_rate=1e-3, warm_up=0.01, final_learning_rate=0.05, clip=1.0, keep="best"
        )
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.positive_int(self.batch_size, "the batch_size of a recipe", 2)

    @property
    def num_blocks(self) -> int:
        return self.flow.num_blocks

    def num_latents(self, shape: tuple[int, ...], make: Mapping[str, Any]) -> int:
        return known_num_latents(self.variational.num_latents, "variational")

    def for_data(self, data: TrainingData) -> CitrisVaeRecipe:
        recipe = self._with_latents(data.num_variables)
        require_latents(recipe.num_latents(data.shape, {}), len(data.targeted), "variational")
        return recipe

    def _with_latents(self, num_variables: int) -> CitrisVaeRecipe:
        """The recipe with a number of latents: the given one, or the one that follows from the number of variables."""
        if self.variational.num_latents is not None:
            return self
        return replace(self, variational=replace(self.variational, num_latents=default_num_latents(num_variables)))


def citris_vae(num_latents: int | None = None, *, seed: int = 0) -> CitrisVaeRecipe:
    """CITRIS-VAE: encoder, decoder, flow and transition prior trained together.

    Lower ``variational.beta`` for vectors: their errors are measured in units of each feature's standard deviation, and
    beta 1 corresponds to noise with half the variance.

    Args:
        num_latents: number of latents of the encoder, at least the number of targeted variables; by default it follows
            from the number of variables, at least 16.
        seed: seed of all randomness.
    """
    return CitrisVaeRecipe(seed=seed, variational=VariationalSettings(num_latents=num_latents))


def citris_vae_conv(num_latents: int | None = None, *, seed: int = 0) -> CitrisVaeRecipe:
    """CITRIS-VAE with the convolutional networks in mixed precision.

    It takes about 20 CPU-minutes on frames of 32 x 32.

    The bonus of the noise slot rises over the whole run, so that variables which are learned late do not end up in it.
    """
    recipe = citris_vae(num_latents, seed=seed)
    variational = replace(recipe.variational, networks="conv", noise_bonus=1.0, noise_bonus_warm_up=1.0)
    training = replace(recipe.variational_training, steps=20_000, precision="bf16", learning_rate=2e-3)
    return replace(recipe, variational=variational, variational_training=training)


def build(recipe: CitrisVaeRecipe, blueprint: Blueprint) -> VariationalModel:
    """A model of the blueprint's sizes, to load weights into."""
    return fresh_model(recipe, blueprint.shape, blueprint.targeted)


def fresh_model(recipe: CitrisVaeRecipe, shape: tuple[int, ...], variables: tuple[str, ...]) -> VariationalModel:
    """A fresh model.

    Args:
        recipe: recipe of the run.
        shape: shape of an observation: (height, width, channels) for frames, or (D,) for vectors.
        variables: names of the targeted variables.

    Raises:
        ValueError: fewer latents than targeted variables.
    """
    num_variables = len(variables)
    num_latents = recipe.num_latents(shape, {})
    require_latents(num_latents, num_variables, "variational")
    with torch.random.fork_rng([]):
        torch.manual_seed(recipe.seed)
        parts = Parts(
            _representation(recipe.variational, shape, num_latents),
            _flow(recipe, num_latents),
            Assignment(num_latents, num_variables),
            prior_for(recipe.prior, num_latents, num_variables),
            TargetClassifier(num_latents, num_variables, recipe.classifier),
        )
    return VariationalModel(parts, variables, recipe.variational)


def _representation(
    settings: VariationalSettings, shape: tuple[int, ...], num_latents: int
) -> VariationalRepresentation:
    if len(shape) != 3:
        dim, hidden = shape[0], settings.hidden
        encoder = VariationalEncoder(VectorEncoder(dim, 2 * num_latents, hidden), num_latents)
        return VariationalVectors(dim, encoder, VectorDecoder(dim, num_latents, hidden))
    height, width, channels = shape
    frame, options = FrameShape(channels, height, width), NetworkOptions(rank=settings.rank, num_blocks=1)
    arguments = (frame, num_latents, settings.networks, settings.width)
    variational = encoder_for(*arguments, variational=True, options=options)
    assert isinstance(variational, VariationalEncoder)
    return VariationalFrames(frame, variational, decoder_for(*arguments, options), settings.foreground)


def _flow(recipe: CitrisVaeRecipe, num_latents: int) -> Chain:
    """The published flow from random rotations, or an empty one."""
    if not recipe.variational.flow_prior:
        return Chain([])
    generator, flow = torch.Generator().manual_seed(recipe.seed), recipe.flow
    return published_flow(num_latents, flow.num_blocks, flow.hidden_per_variable, generator)


def train(recipe: CitrisVaeRecipe, data: TrainingData, context: StageContext) -> Trained:
    """Train the model on windows of observations, and select its weights by the evidence lower bound."""
    model = fresh_model(recipe, data.shape, data.targeted)
    stage = Stage("vae", "negative_elbo", recipe.batch_size, recipe.variational_training)
    result = train_stage(stage, model, data.recordings, data.targeted, context)
    return Trained(model, {stage.name: asdict(result)})


METHOD = Method(
    CitrisVaeRecipe,
    {"citris-vae": citris_vae, "citris-vae-conv": citris_vae_conv},
    build,
    train,
    takes_encoder=False,
)
