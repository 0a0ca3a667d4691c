"""Settings of a model: which method and parts it is made of, and how large they are."""

from __future__ import annotations

from dataclasses import dataclass, field

from trisect import checks
from trisect.models.autoencoder import AutoencoderSettings
from trisect.models.causal_model import ObjectiveSettings
from trisect.models.closed_form import ClosedFormSettings
from trisect.models.reduction import ReductionSettings
from trisect.models.target_classifier import TargetClassifierSettings
from trisect.models.variational_model import VariationalSettings

METHODS = ("closed-form", "citris-nf", "citris-vae")
STARTS = ("closed-form", "random")
INTERVENTIONS = ("imperfect", "perfect")
PRIOR_KINDS = ("factorised", "autoregressive")


@dataclass(frozen=True)
class FlowSettings:
    """Settings of the flow.

    Attributes:
        start: "closed-form" starts from the closed form's directions and holds its assignment; "random" is as
            published, with a learned assignment.
        num_blocks: blocks of the flow; even with the closed-form start.
        hidden_per_variable: hidden units per latent of the autoregressive networks.
        num_bumps: steps of an elementwise curve in every block of the closed-form start's flow; 0 leaves the curves
            out. They help where a smooth mixing bends single coordinates; on frames they tend to hide content.
    """

    start: str = "closed-form"
    num_blocks: int = 4
    hidden_per_variable: int = 16
    num_bumps: int = 0

    def __post_init__(self) -> None:
        checks.one_of(self.start, STARTS, "the start of a flow")
        checks.positive_int(self.num_blocks, "num_blocks of a flow")
        checks.positive_int(self.hidden_per_variable, "hidden_per_variable of a flow")
        checks.positive_int(self.num_bumps, "num_bumps of a flow", 0)
        if self.start == "closed-form":
            what = "num_blocks of a flow with the closed-form start"
            checks.require(self.num_blocks % 2 == 0, what, "even", self.num_blocks)


@dataclass(frozen=True)
class PriorSettings:
    """Settings of the transition prior.

    Attributes:
        interventions: "imperfect" lets an intervened variable depend on its past, by another rule; "perfect" does
            not, and is the better choice where interventions are known to be perfect.
        hidden: hidden units per latent; 16 is as published for the autoregressive kind.
        kind: "factorised" takes the latents of a slot as independent of each other given the frame before: quick, and
            enough where a flow can make them so. "autoregressive" lets each depend on the latents before it in its
            slot: for variables that fill several latents and move as one, such as positions in the plane or
            rotations. It costs a pass per slot in training and a pass per latent in roll-outs.
    """

    interventions: str = "imperfect"
    hidden: int = 32
    kind: str = "factorised"

    def __post_init__(self) -> None:
        checks.one_of(self.interventions, INTERVENTIONS, "interventions of a prior")
        checks.positive_int(self.hidden, "hidden of a prior")
        checks.one_of(self.kind, PRIOR_KINDS, "the kind of a prior")


@dataclass(frozen=True)
class ModelSettings:
    """The part of a recipe that says what model is made; how it is trained is said beside it.

    Attributes:
        method: "closed-form" (autoencoder and residual contrast), "citris-nf" (a flow after it) or "citris-vae"
            (encoder, decoder, flow and prior in one).
        seed: of all randomness, at least 0.
        autoencoder: the autoencoder; unused on plain vectors and with an encoder of the user's own.
        reduction: of plain vectors and of the latents of an encoder of the user's own; unused with the autoencoder.
        closed_form: the residual contrast.
        flow: the flow and its start.
        prior: the transition prior.
        classifier: the target classifier.
        objectives: weights of the flow's objectives.
        variational: the variational model of "citris-vae", whose flow, prior and classifier are those above.
    """

    method: str = "citris-nf"
    seed: int = 0
    autoencoder: AutoencoderSettings = field(default_factory=AutoencoderSettings)
    reduction: ReductionSettings = field(default_factory=ReductionSettings)
    closed_form: ClosedFormSettings = field(default_factory=ClosedFormSettings)
    flow: FlowSettings = field(default_factory=FlowSettings)
    prior: PriorSettings = field(default_factory=PriorSettings)
    classifier: TargetClassifierSettings = field(default_factory=TargetClassifierSettings)
    objectives: ObjectiveSettings = field(default_factory=ObjectiveSettings)
    variational: VariationalSettings = field(default_factory=VariationalSettings)

    def __post_init__(self) -> None:
        checks.one_of(self.method, METHODS, "the method of a recipe")
        checks.positive_int(self.seed, "the seed of a recipe", 0)
