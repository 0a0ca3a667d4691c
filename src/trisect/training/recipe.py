"""The recipe of a run: every setting that decides it, as one frozen dataclass of dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, get_type_hints

from trisect import checks
from trisect.models.autoencoder import AutoencoderSettings
from trisect.models.causal_model import ObjectiveSettings
from trisect.models.closed_form import ClosedFormSettings
from trisect.models.reduction import ReductionSettings
from trisect.models.target_classifier import TargetClassifierSettings
from trisect.models.variational_model import VariationalSettings
from trisect.training.settings import TrainingSettings

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
class Recipe:
    """Everything that decides a run, besides the data.

    Attributes:
        method: "closed-form" (autoencoder and residual contrast), "citris-nf" (a flow after it) or "citris-vae"
            (encoder, decoder, flow and prior in one).
        seed: of all randomness, at least 0.
        batch_size: windows per batch of the autoencoder, or of the variational model.
        flow_batch_size: windows per batch of the flow.
        autoencoder: the autoencoder; unused on plain vectors and with an encoder of the user's own.
        autoencoder_training: how long and how fast it trains.
        reduction: of plain vectors and of the latents of an encoder of the user's own; unused with the autoencoder.
        closed_form: the residual contrast.
        flow: the flow and its start.
        prior: the transition prior.
        classifier: the target classifier.
        objectives: weights of the flow's objectives.
        flow_training: how long and how fast the flow trains.
        variational: the variational model of "citris-vae", whose flow, prior and classifier are those above.
        variational_training: how long and how fast it trains.
    """

    method: str = "citris-nf"
    seed: int = 0
    batch_size: int = 64
    flow_batch_size: int = 128
    autoencoder: AutoencoderSettings = field(default_factory=AutoencoderSettings)
    autoencoder_training: TrainingSettings = field(
        default_factory=lambda: TrainingSettings(
            steps=2500, learning_rate=4e-3, warm_up=0.04, final_learning_rate=0.01, clip=5.0, keep="last"
        )
    )
    reduction: ReductionSettings = field(default_factory=ReductionSettings)
    closed_form: ClosedFormSettings = field(default_factory=ClosedFormSettings)
    flow: FlowSettings = field(default_factory=FlowSettings)
    prior: PriorSettings = field(default_factory=PriorSettings)
    classifier: TargetClassifierSettings = field(default_factory=TargetClassifierSettings)
    objectives: ObjectiveSettings = field(default_factory=ObjectiveSettings)
    flow_training: TrainingSettings = field(
        default_factory=lambda: TrainingSettings(
            steps=2500, learning_rate=5e-3, warm_up=0.05, final_learning_rate=0.02, clip=5.0, keep="best"
        )
    )
    variational: VariationalSettings = field(default_factory=VariationalSettings)
    variational_training: TrainingSettings = field(
        default_factory=lambda: TrainingSettings(
            steps=10_000, learning_rate=1e-3, warm_up=0.01, final_learning_rate=0.05, clip=1.0, keep="best"
        )
    )

    def __post_init__(self) -> None:
        checks.one_of(self.method, METHODS, "the method of a recipe")
        checks.positive_int(self.seed, "the seed of a recipe", 0)
        checks.positive_int(self.batch_size, "the batch_size of a recipe", 2)
        checks.positive_int(self.flow_batch_size, "the flow_batch_size of a recipe", 2)

    def to_json(self) -> dict[str, Any]:
        """Plain types that `recipe_from_json` reads back."""
        plain = asdict(self)
        for name in ("autoencoder_training", "flow_training", "variational_training"):
            plain[name]["betas"] = list(plain[name]["betas"])
        return plain

    def decisive(self) -> dict[str, Any]:
        """What of `to_json` decides the weights; a resumed run must have the same."""
        plain = self.to_json()
        for name in ("autoencoder_training", "flow_training"):
            plain[name] = getattr(self, name).decisive()
        return plain


def recipe_from_json(stored: Mapping[str, Any]) -> Recipe:
    """Rebuild a recipe from `Recipe.to_json`'s result; ValueError with a suggestion for an unknown key."""
    recipe: Recipe = settings_from_json(Recipe, stored, "the recipe")
    return recipe


def settings_from_json(cls: type, stored: Mapping[str, Any], what: str) -> Any:
    """Rebuild a dataclass of dataclasses from plain types.

    Args:
        cls: the dataclass.
        stored: field -> value.
        what: whose fields they are, for messages.

    Raises:
        ValueError: an unknown key, with a suggestion, or a value out of range.
    """
    checks.require(isinstance(stored, Mapping), what, "a mapping of fields", repr(stored))
    hints = get_type_hints(cls)
    known = [f.name for f in fields(cls)]
    values = {}
    for key, value in stored.items():
        checks.one_of(key, known, f"a key of {what}")
        hint = hints[key]
        nested = isinstance(hint, type) and is_dataclass(hint)
        values[key] = settings_from_json(hint, value, f"'{key}' of {what}") if nested else value
    return cls(**values)
