"""Recipes: a run is a function that returns a frozen `Recipe`; vary it with `dataclasses.replace` or a flag.

Example:
    >>> recipe = citris_nf(num_latents=16, seed=3)
    >>> recipe.method, recipe.autoencoder.num_latents
    ('citris-nf', 16)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from trisect import checks
from trisect.models.autoencoder import AutoencoderSettings
from trisect.models.building.settings import FlowSettings
from trisect.models.reduction import ReductionSettings
from trisect.models.target_classifier import TargetClassifierSettings
from trisect.models.variational_model import VariationalSettings
from trisect.training.recipe import Recipe
from trisect.training.settings import TrainingSettings

if TYPE_CHECKING:
    import numpy as np

    from trisect.data.dataset import Dataset
    from trisect.evaluation.outside import OutsideOptions
    from trisect.models.causal_encoder import CausalEncoder
    from trisect.models.slot_model import SlotModel
    from trisect.training.causal_encoder import CausalEncoderRecipe, TrainedCausalEncoder
    from trisect.training.own_encoder import OwnFunctions
    from trisect.training.runs import Run
    from trisect.training.taken_autoencoder import Brought

    class EvaluateOptions(OwnFunctions, OutsideOptions, total=False):
        """What may be said of a run, or of an outside encoder."""

        causal_encoder: CausalEncoder | str | Path


def citris_nf(num_latents: int | None = None, seed: int = 0) -> Recipe:
    """CITRIS-NF: a flow after the autoencoder, started from the closed form (Lippe et al., ICML 2022).

    Departs from the paper in the start of the flow, whose assignment it holds, which leaves the target classifier out,
    and in the `minimality` objective.

    Args:
        num_latents: latents of the autoencoder, by default 8; on vectors and with an encoder of the user's own, kept
            at most, by default as many as `trisect.models.reduction.ReductionSettings` says.
        seed: of all randomness.
    """
    autoencoder = AutoencoderSettings() if num_latents is None else AutoencoderSettings(num_latents=num_latents)
    return Recipe(method="citris-nf", seed=seed, autoencoder=autoencoder, reduction=ReductionSettings(num_latents))


def citris_nf_conv(num_latents: int | None = None, seed: int = 0) -> Recipe:
    """CITRIS-NF with the convolutional networks, which find things of any shape and way of moving, see `convolutional`.

    About four CPU-minutes on frames of 32 x 32; `citris_nf` takes about two, where objects are few and small.
    """
    return convolutional(citris_nf(num_latents, seed))


def citris_nf_glimpse(num_latents: int = 32, seed: int = 0, interventions: str = "perfect") -> Recipe:
    """CITRIS-NF for one thing that turns and is lit: networks that look closely at it, and a longer flow.

    Made for a GPU: on frames of 64 x 64 the autoencoder takes an H200 seven minutes, and one core five and a half
    hours; the flow takes a core eleven minutes. Where colours or places usually go with a turn, an autoencoder reads
    the turn off them, and misses what tells the front from the back: take one then that saw a recording with many
    interventions (``autoencoder=`` of `train`). The closed form and the flow want steps without any.

    Args:
        num_latents: of the autoencoder.
        seed: of all randomness.
        interventions: "perfect" if an intervened value does not depend on its past, else "imperfect".
    """
    recipe = citris_nf(num_latents, seed)
    looking = replace(recipe.autoencoder, networks="glimpse", foreground=30.0, ground="frame")
    autoencoder = replace(looking, target_directions=3, target_weight=0.5)
    training = replace(recipe.autoencoder_training, steps=15_500, learning_rate=3e-3, precision="bf16")
    return replace(
        recipe,
        batch_size=256,
        autoencoder=autoencoder,
        prior=replace(recipe.prior, interventions=interventions),
        autoencoder_training=training,
        flow_training=replace(recipe.flow_training, steps=12_000),
    )


def convolutional(recipe: Recipe, steps: int = 4000) -> Recipe:
    """The recipe with an autoencoder of convolutions, which reads off where things are, in mixed precision.

    Args:
        recipe: with an autoencoder on frames.
        steps: of the autoencoder; with 1200, a minute on frames of 32 x 32, more of other variables is left in slots.

    Example:
        >>> convolutional(closed_form(), steps=1200).autoencoder.networks
        'conv'
    """
    training = replace(recipe.autoencoder_training, steps=steps, precision="bf16")
    return replace(recipe, autoencoder=replace(recipe.autoencoder, networks="conv"), autoencoder_training=training)


def on_gpu(recipe: Recipe, larger: int = 8) -> Recipe:
    """The recipe for a GPU: larger batches, fewer and larger steps, images in mixed precision.

    Frames stay on the card as bytes where they fit. Learning rates rise and steps fall by the square root of
    ``larger``, so that every frame is seen as many times more often. On an H200 a step of the glimpse networks took as
    long with 256 windows as with 64; how far rates may rise is a rule, not measured: watch the held-out loss.

    Args:
        recipe: one made for a CPU.
        larger: how many times larger batches get, at least 1.

    Example:
        >>> on_gpu(citris_nf(), larger=4).batch_size, citris_nf().batch_size
        (256, 64)
    """
    checks.positive_int(larger, "how many times larger batches get")
    root = larger**0.5

    def changed(training: TrainingSettings, precision: str) -> TrainingSettings:
        rate, steps = min(training.learning_rate * root, 0.02), max(1, round(training.steps / root))
        return replace(training, learning_rate=rate, steps=steps, precision=precision)

    return replace(
        recipe,
        batch_size=larger * recipe.batch_size,
        flow_batch_size=larger * recipe.flow_batch_size,
        autoencoder_training=changed(recipe.autoencoder_training, "bf16"),
        flow_training=changed(recipe.flow_training, recipe.flow_training.precision),
        variational_training=changed(recipe.variational_training, "bf16"),
    )


def citris_nf_vectors(seed: int = 0, interventions: str = "perfect", num_latents: int | None = None) -> Recipe:
    """CITRIS-NF straight on vectors (keypoints, sensors, embeddings) that a smooth map may have mixed.

    Beside the affine maps every block bends single coordinates by a curve; steps are many and small, since a step on
    short vectors is cheap.

    Args:
        seed: of all randomness.
        interventions: "perfect" if an intervened value does not depend on its past, else "imperfect".
        num_latents: principal components of the vectors kept at most; see `citris_nf`.
    """
    recipe = citris_nf(num_latents, seed=seed)
    return replace(
        recipe,
        flow=replace(recipe.flow, num_bumps=8),
        prior=replace(recipe.prior, interventions=interventions),
        objectives=replace(recipe.objectives, noise=0.03, minimality=0.01),
        flow_training=replace(recipe.flow_training, steps=7000, learning_rate=1e-2),
    )


def closed_form(num_latents: int | None = None, seed: int = 0) -> Recipe:
    """Closed form: the autoencoder and the residual contrast (`trisect.models.closed_form`), without a flow.

    Args:
        num_latents: of the autoencoder, or kept of vectors; see `citris_nf`.
        seed: of all randomness.
    """
    return replace(citris_nf(num_latents, seed), method="closed-form")


def citris_vae(num_latents: int = 16, seed: int = 0) -> Recipe:
    """CITRIS-VAE: encoder, decoder, flow and transition prior trained together (Lippe et al., ICML 2022).

    Departs from the paper in the networks, which are the fast ones, and in the batch size, 64 instead of 512. For the
    published networks pass ``--variational.networks published``. On vectors lower ``variational.beta``: errors count
    in units of each feature's deviation there, and beta 1 stands for noise of half the variance.

    Args:
        num_latents: latents of the encoder, at least the number of targeted variables.
        seed: of all randomness.
    """
    return Recipe(
        method="citris-vae",
        seed=seed,
        variational=VariationalSettings(num_latents=num_latents),
        flow=FlowSettings(start="random"),
        classifier=TargetClassifierSettings(momentum=0.9),
    )


def citris_vae_conv(num_latents: int = 16, seed: int = 0) -> Recipe:
    """CITRIS-VAE with the convolutional networks in mixed precision; about 20 CPU-minutes on frames of 32 x 32.

    The bonus of the noise slot rises over the whole run, so that variables which are found late are not lost to it.
    """
    recipe = citris_vae(num_latents, seed)
    variational = replace(recipe.variational, networks="conv", noise_bonus=1.0, noise_bonus_warm_up=1.0)
    training = replace(recipe.variational_training, steps=20_000, precision="bf16", learning_rate=2e-3)
    return replace(recipe, variational=variational, variational_training=training)


@dataclass(frozen=True)
class Demo:
    """What ``trisect demo WORLD`` runs.

    Attributes:
        num_frames: of the training split.
        recipe: by seed.
    """

    num_frames: int
    recipe: Callable[[int], Recipe]


DEMOS: dict[str, Demo] = {
    "pong": Demo(100_000, lambda seed: citris_nf(num_latents=16, seed=seed)),
    "ball-in-boxes": Demo(40_000, lambda seed: citris_nf(seed=seed)),
}
"""World -> its demo; the first one is the default."""

RECIPES: dict[str, Callable[..., Recipe]] = {
    "closed-form": closed_form,
    "citris-nf": citris_nf,
    "citris-nf-conv": citris_nf_conv,
    "citris-nf-glimpse": citris_nf_glimpse,
    "citris-nf-vectors": citris_nf_vectors,
    "citris-vae": citris_vae,
    "citris-vae-conv": citris_vae_conv,
}


def train(
    recipe: Recipe,
    data: Dataset | str | Path,
    out: str | Path,
    *,
    resume: bool = False,
    progress: bool = True,
    despite_errors: bool = False,
    **brought: Unpack[Brought],
) -> Run:
    """Train a recipe on a data set, into a run folder.

    Args:
        recipe: from this module.
        data: a data set, or the folder of one; it needs the splits train and val.
        out: the run folder; it must not hold a run, unless resuming.
        resume: go on with the interrupted run in ``out``, or begin where there is none.
        progress: show progress and the time left.
        despite_errors: train even on data in which `trisect.inspect` finds errors.
        brought: in place of training an autoencoder, ``autoencoder=``, the folder of another run that has one, or
            ``encoder=`` and maybe ``decoder=``, the user's own, frozen (see
            `trisect.training.taken_autoencoder.Brought`). Whoever loads the run passes the latter again.

    Raises:
        ValueError: the data cannot identify anything (no interventions) or have other errors, ``out`` holds a run and
            ``resume`` is False, or a run of another recipe or other data; an autoencoder made for other frames; an
            encoder that does not return one finite vector per frame, the same in every call.
        FileNotFoundError: no trained autoencoder in the folder that shall have one.
        NonFiniteLoss: a loss term stopped being finite; checkpoints are kept.
    """
    from trisect.training import runs

    if not isinstance(recipe, Recipe):
        got, todo = repr(recipe), "such as trisect.recipes.citris_nf()"
        raise TypeError(checks.sentence("the recipe to train", "a Recipe", got, todo))
    return runs.train(recipe, data, out, resume=resume, progress=progress, despite_errors=despite_errors, given=brought)


def train_causal_encoder(
    data: Dataset | str | Path,
    out: str | Path,
    recipe: CausalEncoderRecipe | None = None,
    *,
    resume: bool = False,
    progress: bool = True,
) -> TrainedCausalEncoder:
    """Train a causal encoder, which reads factors off frames, to judge pictures with: labels are used.

    Args:
        data: a data set of labelled frames, or the folder of one; it needs the splits train, and val_indep or val.
        out: the folder to make.
        recipe: see `trisect.training.causal_encoder.CausalEncoderRecipe`.
        resume: go on with what was interrupted in ``out``, or begin where there is nothing.
        progress: show progress and the time left.

    Raises:
        ValueError: data without factors or of vectors; ``out`` holds a run and ``resume`` is False, or another run.
        NonFiniteLoss: a loss term stopped being finite; checkpoints are kept.
    """
    from trisect.training import causal_encoder

    recipe = causal_encoder.CausalEncoderRecipe() if recipe is None else recipe
    return causal_encoder.train(recipe, data, out, resume=resume, progress=progress)


def load_causal_encoder(folder: str | Path) -> TrainedCausalEncoder:
    """A finished causal encoder: its model, its distances on held-out frames, its cost.

    Raises:
        FileNotFoundError: none is there, or it is not finished.
        ValueError: the folder holds another run.
    """
    from trisect.training import causal_encoder

    return causal_encoder.load(folder)


def import_checkpoint(
    path: str | Path, out: str | Path, variables: Sequence[str] | None = None
) -> Run | TrainedCausalEncoder:
    """Import a checkpoint of the published code as a run folder, or as the folder of a causal encoder.

    Args:
        path: a ``.ckpt`` file of CITRIS-VAE, CITRIS-NF or a causal encoder, see `trisect.models.published`.
        out: the folder to make; `load_run` (or `load_causal_encoder`) reads it like any other.
        variables: names of the model's variables in its order, as your data call them.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a whole checkpoint, or one of an autoencoder alone; or ``out`` is not empty.
    """
    from trisect.training import importing

    return importing.import_run(path, out, variables)


def load_run(folder: str | Path, **own: Unpack[OwnFunctions]) -> Run:
    """A finished run: its recipe, its model with the trained weights, its cost. Reads no pickles, imports no code.

    Args:
        folder: of the run.
        own: the ``encoder=`` and ``decoder=`` that the run was trained with, if it was.

    Raises:
        FileNotFoundError: no run is there, or it is not finished.
        ValueError: the run was trained with an encoder of the user's own, and none or another one is passed.
    """
    from trisect.training import own_encoder, runs

    return runs.load_run(folder, own_encoder.own_functions(own))


def export(
    run: Run | str | Path, out: str | Path, *, onnx: bool = False, data: Dataset | str | Path | None = None
) -> dict[str, Any]:
    """Write the model of a finished run into a folder for others, which holds weights and JSON alone.

    The folder appears whole or not at all: ``model.safetensors``; ``model.json``, which says how the model is built,
    what it takes, what its latents mean, and the scores if the run was evaluated; with ``onnx`` also ``encode.onnx``
    (observations to latents and to the latents of each slot) and ``decode.onnx`` (latents to observations), for any
    number of observations at once: frames (N, channels, height, width) float32 in [-1, 1], or vectors (N, D). Read it
    with `load_export`.

    Args:
        run: a run, or its folder.
        out: the folder to make.
        onnx: write the graphs too, and check that they answer as the model does; needs ``trisect[onnx]``.
        data: what to check graphs on beside random inputs; by default what the run was trained on, if it is there.

    Returns:
        The content of ``model.json``; with ``onnx`` its ``onnx.largest_difference`` is that between graphs and model.

    Raises:
        FileNotFoundError: no run is there, or it is not finished.
        FileExistsError: ``out`` is there.
        ValueError: the run is around an encoder of the user's own, weights are not finite, the report is another
            model's, or a graph differs from the model by more than 1e-4 of the largest value.
        ImportError: ``onnx`` without the packages that it needs.
    """
    from trisect.training.export import writing

    return writing.export(run, out, with_onnx=onnx, data=data)


def load_export(folder: str | Path) -> SlotModel[Any]:
    """The model that `export` wrote, with the same weights, in evaluation mode. Executes nothing of the folder.

    Args:
        folder: anybody's; ``model.json`` and ``model.safetensors`` are read, any other file is left alone.

    Raises:
        FileNotFoundError: no exported model is there.
        ValueError: a file is damaged or incomplete, of another format version, or the weights are not those of the
            model that ``model.json`` describes.
    """
    from trisect.models.exported import reading

    return reading.load_export(folder)


def evaluate(
    run: Run | str | Path | None = None,
    data: Dataset | str | Path | None = None,
    *,
    quick: bool = False,
    encode: Callable[[np.ndarray], Any] | None = None,
    **options: Unpack[EvaluateOptions],
) -> dict[str, Any]:
    """Score a run, write ``report.json`` and ``report.html`` into its folder, and return the former's content.

    Or score any outside encoder in the same way: ``evaluate(encode=function, data=...)``.

    Args:
        run: a run, or its folder.
        data: the data set; by default the one the run was trained on, if that was a folder.
        quick: leave out the long probe.
        encode: in place of a run: frames at rest (N, height, width, channels) uint8, or vectors (N, D) float32, as
            arrays -> (N, L) latents.
        options: of a run ``encoder=`` and ``decoder=``, if it was trained with the user's own, and
            ``causal_encoder=``, one or the folder of one, by which triplets are scored per variable; of ``encode``:
            ``assignment=``, ``variables=``, ``out=`` (see `trisect.evaluation.outside.OutsideOptions`).

    Raises:
        ValueError: neither or both of ``run`` and ``encode``, or options of the other one.
    """
    from trisect.training import scoring

    given: Any = dict(options)
    judge = given.pop("causal_encoder", None)
    if encode is not None:
        what, must = "the causal encoder", "given with a run, which can decode"
        checks.require(judge is None, what, must, "one with encode=")
        checks.require(run is None, "what to evaluate", "a run or encode=, one of them", "both")
        return scoring.evaluate_encoder(encode, data, given, quick=quick)
    if isinstance(judge, str | Path):
        judge = load_causal_encoder(judge).model
    return scoring.evaluate(_opened(run, given), data, judge, quick=quick)


def _opened(run: Run | str | Path | None, own: dict[str, Any]) -> Run:
    from trisect.training import runs

    checks.require(run is not None, "what to evaluate", "a run or encode=, one of them", "neither")
    if isinstance(run, runs.Run):
        todo = "a loaded run has its encoder"
        checks.require(not own, "the options of evaluate with a run", "none", ", ".join(own), todo)
        return run
    return load_run(str(run), **own)
