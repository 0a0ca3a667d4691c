"""The steps that are common to methods on the latents of a frozen representation.

The closed form and CITRIS-NF start with the same steps: train an autoencoder (or use plain vectors or an external
encoder), encode all frames once, reduce many or redundant dimensions, and find the variables' directions in closed
form. Every step writes a file, so an interrupted run resumes where it stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from trisect import checks
from trisect.data.recording import Recording
from trisect.methods.autoencoding import (
    AUTOENCODER_SETTINGS,
    AutoencoderPlan,
    autoencoder_settings,
    fresh_autoencoder,
    trained_autoencoder,
)
from trisect.methods.identifying import reduced, slot_reducer
from trisect.methods.latents import latents_of
from trisect.methods.method import Blueprint, TrainingData
from trisect.methods.recipe import Recipe, known_num_latents, require_latents
from trisect.models.closed_form.identification import Identification, blank_identification
from trisect.models.closed_form.identify import ClosedFormSettings
from trisect.models.drawing import DrawingSettings
from trisect.models.representations.autoencoder_settings import AUTO, AutoencoderSettings
from trisect.models.representations.projection import require_independent
from trisect.models.representations.reduction import (
    REDUCTION,
    Reduction,
    ReductionSettings,
    fit_reduction,
    reduction_sizes,
    with_blank_reduction,
)
from trisect.models.representations.representation import (
    FrameRepresentation,
    Representation,
    VectorRepresentation,
)
from trisect.models.representations.slot_functions import SlotFunctionSettings
from trisect.models.representations.slot_reduction import (
    MOST_LATENTS,
    SLOT_REDUCTION,
    SlotReduction,
    reduced_number,
    slot_reduction_sizes,
    with_blank_slot_reduction,
)
from trisect.models.weights import weights_hash
from trisect.training.settings import TrainingSettings
from trisect.training.stage import StageContext

logger = logging.getLogger("trisect")

COUNTS = ("num_splits", "num_curves")
"""Keys of a model's make: the number of changes of each kind that the closed form made."""


F = TypeVar("F", bound="FrozenLatentsRecipe")


@dataclass(frozen=True)
class FrozenLatentsRecipe(Recipe):
    """The settings of a recipe that lead to the closed form.

    Attributes:
        batch_size: windows per batch when the autoencoder is trained.
        autoencoder: settings of the autoencoder; not used for vectors or with an external encoder.
        reduction: settings of the reduction of vectors and of an external encoder's latents; not used with the
            autoencoder.
        slot_functions: settings of the slot functions, which are tried where an autoencoder has more than 32 latents,
            for variables that turn with others.
        closed_form: settings of the closed form, which finds the variables' directions in the latents.
        autoencoder_training: training settings of the autoencoder.
        drawing: settings of the refinement of the autoencoder's decoder, the last stage; by default only where its
            code is reduced.
        drawing_training: training settings of that refinement; with profile networks in full precision.
    """

    image_trainings = ("autoencoder_training", "drawing_training")

    batch_size: int = 64
    autoencoder: AutoencoderSettings = field(default_factory=AutoencoderSettings)
    reduction: ReductionSettings = field(default_factory=ReductionSettings)
    slot_functions: SlotFunctionSettings = field(default_factory=SlotFunctionSettings)
    closed_form: ClosedFormSettings = field(default_factory=ClosedFormSettings)
    autoencoder_training: TrainingSettings = field(
        default_factory=lambda: TrainingSettings(
            steps=2500, learning_rate=4e-3, warm_up=0.04, final_learning_rate=0.01, clip=5.0, keep="last"
        )
    )
    drawing: DrawingSettings = field(default_factory=DrawingSettings)
    drawing_training: TrainingSettings = field(
        default_factory=lambda: TrainingSettings(
            steps=400,
            learning_rate=2e-3,
            warm_up=0.1,
            final_learning_rate=0.01,
            clip=5.0,
            precision="bf16",
            keep="last",
        )
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.positive_int(self.batch_size, "the batch_size of a recipe", 2)

    def num_latents(self, shape: tuple[int, ...], make: Mapping[str, Any]) -> int:
        if REDUCTION in make:
            return int(make[REDUCTION]["num_latents"])
        if SLOT_REDUCTION in make:
            return reduced_number(make[SLOT_REDUCTION])
        return known_num_latents(self.autoencoder_in(make).code_length, "autoencoder") if len(shape) == 3 else shape[0]

    def autoencoder_in(self, make: Mapping[str, Any]) -> AutoencoderSettings:
        """The settings of a trained autoencoder: those in a model's make, or else the recipe's."""
        if AUTOENCODER_SETTINGS not in make:
            return self.autoencoder
        return autoencoder_settings(make[AUTOENCODER_SETTINGS], f"'{AUTOENCODER_SETTINGS}' of a model")

    def for_data(self: F, data: TrainingData) -> F:
        data.require_varying()
        for name in self.closed_form.least_directions:
            checks.one_of(name, data.targeted, "a variable in closed_form.least_directions")
        of_frames, num_targeted = len(data.shape) == 3, len(data.targeted)
        if of_frames and data.external is None:
            first = self.autoencoder.attempts(data.num_variables, data.train.frames_per_observation)[0]
            require_latents(known_num_latents(first.num_latents, "autoencoder"), num_targeted, "autoencoder")
            return self if self.autoencoder.networks == AUTO else replace(self, autoencoder=first)
        self.reduction.require_limit(num_targeted)
        if data.external is None:
            require_independent(data.train.observations, num_targeted)
        return self


def with_latents(recipe: F, num_latents: int | None) -> F:
    """The recipe with another number of latents of the autoencoder, and of components of vectors; None changes nothing.

    Args:
        recipe: any recipe on frozen latents.
        num_latents: latents of the autoencoder; for vectors and external encoders the largest number of principal
            components to keep.
    """
    if num_latents is None:
        return recipe
    autoencoder = replace(recipe.autoencoder, num_latents=num_latents)
    return replace(recipe, autoencoder=autoencoder, reduction=replace(recipe.reduction, components=num_latents))


def convolutional(recipe: F, steps: int = 4000) -> F:
    """The recipe with a convolutional autoencoder that reads the positions of objects, in mixed precision.

    Args:
        recipe: a recipe with an autoencoder on frames.
        steps: training steps of the autoencoder; with 1200 steps, a minute on frames of 32 x 32, slots contain more of
            other variables.

    Example:
        >>> from trisect.recipes import closed_form
        >>> convolutional(closed_form(), steps=1200).autoencoder.networks
        'conv'
    """
    if not isinstance(recipe, FrozenLatentsRecipe):
        todo = "pass one such as trisect.recipes.citris_nf()"
        raise TypeError(checks.sentence("the recipe", "one with an autoencoder", repr(recipe)[:100], todo))
    training = replace(recipe.autoencoder_training, steps=steps, precision="bf16")
    return replace(recipe, autoencoder=replace(recipe.autoencoder, networks="conv"), autoencoder_training=training)


@dataclass(frozen=True)
class EncodedData:
    """The result of the common steps.

    Attributes:
        representation: the frozen representation, with its reduction if there is one.
        train, val: recordings of its latents.
        history: training record of the autoencoder, if one was trained.
    """

    representation: Representation
    train: Recording
    val: Recording
    history: dict[str, Any]

    @property
    def to_check(self) -> Recording | None:
        """Held-out latents by which statements are checked; None where a code is not reduced, as the check takes time.

        A reduced code is one that simple networks did not suffice for, so that one direction may be too little.
        """
        return self.val if isinstance(self.representation, SlotReduction) else None


def encoded(recipe: FrozenLatentsRecipe, data: TrainingData, context: StageContext) -> EncodedData:
    """Do the common steps, or read their results if they are in the run folder."""
    history: dict[str, Any] = {}
    representation = _representation(recipe, data, context, history)
    train, val = _latents(representation, data, context)
    if isinstance(representation, FrameRepresentation):
        if representation.num_latents > MOST_LATENTS and recipe.slot_functions.steps:
            reducer = slot_reducer(train, data.targeted, (recipe.closed_form, recipe.slot_functions), context)
            train, val = reduced(train, reducer), reduced(val, reducer)
            representation = SlotReduction(representation, reducer)
    else:
        projection = fit_reduction(train.observations, recipe.reduction, len(data.targeted))
        if projection is not None:
            train, val = (replace(each, observations=projection(each.observations)) for each in (train, val))
            representation = Reduction(representation, projection)
    return EncodedData(representation, train, val, history)


def make_of(
    recipe: FrozenLatentsRecipe, representation: Representation, identification: Identification | None
) -> dict[str, Any]:
    """What is needed to build the model again besides the recipe, see `trisect.methods.method.Trained`."""
    make = {**reduction_sizes(representation), **slot_reduction_sizes(representation)}
    inner = representation.inner if isinstance(representation, SlotReduction) else representation
    if isinstance(inner, FrameRepresentation) and recipe.autoencoder.networks == AUTO:
        make[AUTOENCODER_SETTINGS] = asdict(inner.autoencoder.settings)
    if identification is None:
        return make
    return {**dict(zip(COUNTS, (identification.num_splits, len(identification.curves)))), **make}


def _latents(representation: Representation, data: TrainingData, context: StageContext) -> tuple[Recording, Recording]:
    """Recordings of latents, computed once and cached under a hash of the encoder and the data."""
    if isinstance(representation, VectorRepresentation) and data.train.observations.dtype == np.float64:
        return data.train, data.val  # the latents are the vectors, which float32 cannot hold
    encoder = weights_hash(representation) if data.external is None else data.external.fingerprint
    key, folder = encoder[:16] + context.data_hash[:16], context.folder / "latents"
    show = context.progress and not isinstance(representation, VectorRepresentation)
    return (
        latents_of(representation, data.train, folder, f"train-{key}", show=show),
        latents_of(representation, data.val, folder, f"val-{key}", show=show),
    )


def _representation(
    recipe: FrozenLatentsRecipe, data: TrainingData, context: StageContext, history: dict[str, Any]
) -> Representation:
    """The trained representation; if the autoencoder's stage is finished, its weights are read from the run folder."""
    if data.external is not None:
        return data.external.representation
    if len(data.shape) != 3:
        return VectorRepresentation(data.shape[0])
    plan = AutoencoderPlan(recipe.autoencoder, recipe.autoencoder_training, recipe.batch_size, recipe.seed)
    trained = trained_autoencoder(plan, data, context)
    history.update(trained.history)
    return FrameRepresentation(trained.autoencoder)


def blank_parts(recipe: FrozenLatentsRecipe, blueprint: Blueprint) -> tuple[Representation, Identification]:
    """Representation and identification with the blueprint's sizes, to load weights into."""
    shape, num_variables = blueprint.shape, len(blueprint.targeted)
    representation = blueprint.representation
    if representation is None and len(shape) == 3:
        settings = recipe.autoencoder_in(blueprint.make)
        representation = FrameRepresentation(fresh_autoencoder(settings, shape, num_variables, recipe.seed))
    elif representation is None:
        representation = VectorRepresentation(shape[0])
    representation = with_blank_reduction(representation, blueprint.make, blueprint.file)
    representation = with_blank_slot_reduction(representation, blueprint.make, blueprint.file)
    counts = (blueprint.make.get(name, 0) for name in COUNTS)
    return representation, blank_identification(representation.num_latents, num_variables, *counts)
