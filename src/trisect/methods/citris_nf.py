"""CITRIS-NF: an invertible flow between the latents of a frozen autoencoder and the causal variables.

z = f(e(x)), with e the autoencoder's encoder. On transitions with targets I^{t+1} the flow f, the transition prior and
the assignment psi of latents to slots minimise

    - log p(z^{t+1} | z^t, I^{t+1}) - log |det df|    (`trisect.models.causal_model`)

where the prior of each slot depends on that slot's target only. Unlike the paper, the flow starts from the closed form
and its assignment is frozen, so no target classifier is needed; a `minimality` objective keeps content that no
intervention moves out of the variables' slots. ``flow.start = "random"`` is as published: random rotations, a learned
assignment and a target classifier.

Source: Lippe et al., CITRIS, ICML 2022, sections 4.3 and 4.4.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import torch

from trisect import checks
from trisect.linear_algebra import whiten
from trisect.methods.building import PartSettings, fresh_model
from trisect.methods.drawing import refine_decoder
from trisect.methods.frozen_latents import (
    FrozenLatentsRecipe,
    blank_parts,
    convolutional,
    encoded,
    make_of,
    with_latents,
)
from trisect.methods.identifying import identified
from trisect.methods.method import Blueprint, Method, Trained, TrainingData
from trisect.models.causal_model import CausalModel, ObjectiveSettings
from trisect.models.closed_form.as_flow import identification_flow
from trisect.models.closed_form.identification import Identification
from trisect.models.flows.factory import FlowSettings, linear_flow, published_flow, refinement_flow
from trisect.models.flows.flow import Chain
from trisect.models.layers import row_major
from trisect.models.priors.factory import PriorSettings
from trisect.models.representations.representation import Representation
from trisect.models.target_classifier import TargetClassifierSettings
from trisect.training.settings import TrainingSettings
from trisect.training.stage import Stage, StageContext, train_stage

logger = logging.getLogger("trisect")

STARTS = ("closed-form", "random")


@dataclass(frozen=True)
class StartedFlowSettings(FlowSettings):
    """Settings of the flow and of its start.

    Attributes:
        start: initial flow: "closed-form" starts from the closed form's directions and freezes its assignment; "random"
            is as published, with a learned assignment.
        num_bumps: bumps of the elementwise curve in every block after the closed form; 0 leaves the curves out. They
            help where a smooth mixing bends single coordinates; on frames they tend to hide content.
    """

    start: str = "closed-form"
    num_bumps: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.one_of(self.start, STARTS, "the start of a flow")
        checks.size(self.num_bumps, "num_bumps of a flow", 0)
        if self.starts_closed_form:
            what = "num_blocks of a flow with the closed-form start"
            checks.require(self.num_blocks % 2 == 0, what, "even", self.num_blocks)

    @property
    def starts_closed_form(self) -> bool:
        """True if the flow starts from the closed form."""
        return self.start == "closed-form"


@dataclass(frozen=True)
class CitrisNfRecipe(FrozenLatentsRecipe):
    """All settings of a run of CITRIS-NF; the first fields are those of the closed form.

    Attributes:
        flow_batch_size: windows per batch when the flow is trained.
        flow: settings of the flow and of its start.
        prior: settings of the transition prior.
        classifier: settings of the target classifier; only a learned assignment (flow.start "random") uses it.
        objectives: weights of the terms of the flow's loss.
        flow_training: training settings of the flow.
    """

    method = "citris-nf"

    flow_batch_size: int = 128
    flow: StartedFlowSettings = field(default_factory=StartedFlowSettings)
    prior: PriorSettings = field(default_factory=PriorSettings)
    classifier: TargetClassifierSettings = field(default_factory=TargetClassifierSettings)
    objectives: ObjectiveSettings = field(default_factory=ObjectiveSettings)
    flow_training: TrainingSettings = field(
        default_factory=lambda: TrainingSettings(
            steps=2500, learning_rate=5e-3, warm_up=0.05, final_learning_rate=0.02, clip=5.0, keep="best"
        )
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.positive_int(self.flow_batch_size, "the flow_batch_size of a recipe", 2)

    def for_data(self, data: TrainingData) -> CitrisNfRecipe:
        if self.flow.num_bumps and len(data.shape) == 3 and data.external is None:
            logger.warning(
                "flow.num_bumps is %d, which is made for vectors; on frames it tends to hide content of variables:"
                " train citris_nf() (citris-nf), or pass flow.num_bumps=0 (--flow.num_bumps 0)",
                self.flow.num_bumps,
            )
        return super().for_data(data)

    @property
    def num_blocks(self) -> int:
        return self.flow.num_blocks


def citris_nf(num_latents: int | None = None, *, seed: int = 0) -> CitrisNfRecipe:
    """CITRIS-NF: a flow after the autoencoder, started from the closed form.

    Args:
        num_latents: number of latents of the autoencoder; by default it follows from the number of variables, at least
            16 (`trisect.models.shapes.default_num_latents`). For vectors and external encoders: the largest number of
            principal components to keep; for its default see
            `trisect.models.representations.reduction.ReductionSettings`.
        seed: seed of all randomness.
    """
    return with_latents(CitrisNfRecipe(seed=seed), num_latents)


def citris_nf_conv(num_latents: int | None = None, *, seed: int = 0) -> CitrisNfRecipe:
    """CITRIS-NF with the convolutional networks, for objects of any shape and motion.

    It takes about four CPU-minutes on frames of 32 x 32. If objects are few and small, `citris_nf` suffices and takes
    two.
    """
    return convolutional(citris_nf(num_latents, seed=seed))


def citris_nf_glimpse(num_latents: int | None = 32, *, seed: int = 0, interventions: str = "perfect") -> CitrisNfRecipe:
    """CITRIS-NF for one object that rotates under a light, with networks that look closely at it.

    Made for a GPU, with a longer training of the flow: on frames of 64 x 64 the autoencoder takes seven minutes on an
    H200, and five and a half hours on one core; the flow takes eleven minutes on a core. If colours or positions
    usually change together with the rotation, an autoencoder infers the rotation from them and does not learn to
    distinguish the front from the back. Then reuse an autoencoder that was trained on a recording with many
    interventions (``autoencoder=`` of `trisect.train`). The closed form and the flow also need steps without any
    intervention.

    Args:
        num_latents: number of latents of the autoencoder.
        seed: seed of all randomness.
        interventions: "perfect" if an intervened value does not depend on its past, else "imperfect".
    """
    recipe = citris_nf(num_latents, seed=seed)
    networks = replace(recipe.autoencoder, networks="glimpse", foreground=30.0, ground="frame")
    return replace(
        recipe,
        batch_size=256,
        autoencoder=replace(networks, target_directions=3, target_weight=0.5),
        prior=replace(recipe.prior, interventions=interventions),
        autoencoder_training=replace(recipe.autoencoder_training, steps=15_500, learning_rate=3e-3, precision="bf16"),
        flow_training=replace(recipe.flow_training, steps=12_000),
    )


def citris_nf_vectors(
    num_latents: int | None = None, *, seed: int = 0, interventions: str = "perfect"
) -> CitrisNfRecipe:
    """CITRIS-NF on vectors (keypoints, sensors, embeddings) that may be a smooth mixing of the variables.

    Besides the affine maps, every block bends single coordinates by a curve. There are more steps than for frames,
    since a step on short vectors is cheap.

    Args:
        num_latents: the largest number of principal components to keep; see `citris_nf`.
        seed: seed of all randomness.
        interventions: "perfect" if an intervened value does not depend on its past, else "imperfect".
    """
    recipe = citris_nf(num_latents, seed=seed)
    return replace(
        recipe,
        flow=replace(recipe.flow, num_bumps=8),
        prior=replace(recipe.prior, interventions=interventions),
        objectives=replace(recipe.objectives, noise=0.03, minimality=0.01),
        flow_training=replace(recipe.flow_training, steps=7000, learning_rate=1e-2),
    )


def build(recipe: CitrisNfRecipe, blueprint: Blueprint) -> CausalModel:
    """A model of the blueprint's sizes, to load weights into."""
    representation, blank = blank_parts(recipe, blueprint)
    start = blank if recipe.flow.starts_closed_form else None
    return model_around(recipe, representation, start, blueprint.targeted)


def model_around(
    recipe: CitrisNfRecipe,
    representation: Representation,
    identification: Identification | None,
    variables: tuple[str, ...],
    latents: np.ndarray | None = None,
) -> CausalModel:
    """A fresh model around a representation.

    Args:
        recipe: recipe of the run.
        representation: a trained representation, or one whose weights are loaded later.
        identification: result of the closed form, which the flow starts from; None for a random start.
        variables: names of the targeted variables.
        latents: (frames, L) latents of the training recording: their standard deviation is the unit of the noise, and
            a random start whitens them; None if weights are loaded later.
    """
    settings, num_latents = PartSettings(recipe.prior, recipe.classifier, recipe.objectives), representation.num_latents

    def flow() -> Chain:
        if identification is None:
            return _random_flow(recipe, num_latents, latents)
        return refinement_flow(identification_flow(identification), recipe.flow, recipe.flow.num_bumps)

    model = fresh_model(recipe.seed, representation, variables, flow, settings, latents)
    if identification is not None:
        model.freeze_assignment(identification.slots.tolist())
    return model


def _random_flow(recipe: CitrisNfRecipe, num_latents: int, latents: np.ndarray | None) -> Chain:
    """Whitening, then the published flow from random rotations."""
    mean, matrix = np.zeros(num_latents), np.eye(num_latents)
    if latents is not None:
        mean, matrix = whiten(latents.astype(np.float64))
    generator = torch.Generator().manual_seed(recipe.seed)
    random = published_flow(num_latents, recipe.flow.num_blocks, recipe.flow.hidden_per_variable, generator)
    return Chain([*linear_flow(row_major(mean), row_major(matrix)).flows, *random.flows])


def train(recipe: CitrisNfRecipe, data: TrainingData, context: StageContext) -> Trained:
    """Train the autoencoder, identify the variables in its latents, and train a flow that starts from the result."""
    start = encoded(recipe, data, context)
    latents, identification = start.train.observations, None
    if recipe.flow.starts_closed_form:
        identification = identified(start.train, data.targeted, recipe.closed_form, context, start.to_check)
    model = model_around(recipe, start.representation, identification, data.targeted, latents)
    stage = Stage("flow", "nll", recipe.flow_batch_size, recipe.flow_training)
    result = train_stage(stage, model, (start.train, start.val), data.targeted, context)
    drawn = refine_decoder(model, (recipe.drawing, recipe.drawing_training), recipe.batch_size, data, context)
    history = {**start.history, "flow": asdict(result), **drawn}
    return Trained(model, history, make_of(recipe, start.representation, identification))


METHOD = Method(
    CitrisNfRecipe,
    {
        "citris-nf": citris_nf,
        "citris-nf-conv": citris_nf_conv,
        "citris-nf-glimpse": citris_nf_glimpse,
        "citris-nf-vectors": citris_nf_vectors,
    },
    build,
    train,
    takes_encoder=True,
)
