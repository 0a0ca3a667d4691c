"""The closed form on a recording of latents, and the reduction of a wide code by slot functions."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from trisect import checks
from trisect.data.recording import Recording
from trisect.data.transitions import target_columns
from trisect.evaluation.encode import encode
from trisect.evaluation.visibility.doubt import checked_statements
from trisect.models.closed_form.directions import MOST_DIRECTIONS
from trisect.models.closed_form.identification import Identification
from trisect.models.closed_form.identify import ClosedFormSettings, identify
from trisect.models.representations.slot_functions import SlotFunctionSettings
from trisect.models.representations.slot_reduction import SIZES, SlotReducer, blank_reducer, fit_slot_reduction
from trisect.models.weights import load_weights, save_weights
from trisect.sealed import read_json, write_json
from trisect.training.progress import say
from trisect.training.stage import StageContext

logger = logging.getLogger("trisect")

MOST_MORE = 3
"""Largest number of directions that a variable is given beyond its own if these show too little."""
STATEMENTS = "statements.json"
"""What the closed form says of each variable, in a run folder."""
SLOTS, SLOTS_RECORD = "slots.safetensors", "slots.json"
"""Weights and sizes of the slot reduction in a run folder."""


@dataclass(frozen=True)
class LatentTransitions:
    """The transitions of a recording of latents.

    Attributes:
        latents: the recording.
        last: (pairs,), the row of the frame after every transition.
        targets: (pairs, K) bool.
    """

    latents: Recording
    last: np.ndarray
    targets: np.ndarray

    @classmethod
    def of(cls, latents: Recording, targeted: tuple[str, ...], settings: ClosedFormSettings) -> LatentTransitions:
        """All transitions that have enough frames before them."""
        frames = latents.frames_per_observation
        length = max(settings.history + 1, frames)
        last = latents.windows(length) + length - 1
        what = f"the episodes for a history of {settings.history} frames, {frames} in an observation,"
        fewest, todo = f"of at least {length} frames", "use a history of 1, or stack fewer frames"
        checks.require(len(last) > 0, what, fewest, "only shorter ones", todo)
        return cls(latents, last, latents.targets[last][:, target_columns(latents, targeted)])


def identified(
    latents: Recording,
    targeted: tuple[str, ...],
    settings: ClosedFormSettings,
    context: StageContext,
    held_out: Recording | None = None,
) -> Identification:
    """The closed form on all transitions of a recording of latents.

    What it says of each variable is shown with the progress, and written into the run folder (`STATEMENTS`).

    Args:
        latents: the recording.
        targeted: names of the targeted variables.
        settings: see `ClosedFormSettings`.
        context: facts about the run.
        held_out: other latents, to check by them what is said (`trisect.evaluation.visibility.doubt`).
    """
    say(f"closed form: finding the directions of {len(targeted)} variables", show=context.progress)
    found = _identified(LatentTransitions.of(latents, targeted, settings), targeted, settings)
    if held_out is not None:
        found = _widened(found, (latents, held_out), targeted, settings, context)
    state(found, context)
    return found


def state(found: Identification, context: StageContext) -> None:
    """Show what the closed form says of each variable, and write it into the run folder."""
    for statement in found.statements:
        say(f"closed form: {statement}", show=context.progress)
    statements = [statement.to_json() for statement in found.statements]
    write_json(context.folder / STATEMENTS, {"statements": statements})


def slot_reducer(
    latents: Recording,
    targeted: tuple[str, ...],
    settings: tuple[ClosedFormSettings, SlotFunctionSettings],
    context: StageContext,
) -> SlotReducer:
    """The slot reduction of a wide code, fitted or read from the run folder."""
    number = latents.observations.shape[1]
    stored = _stored(context.folder, number)
    if stored is not None:
        return stored
    say(f"slot functions: looking for variables that turn with others in {number} latents", show=context.progress)
    moves, z = LatentTransitions.of(latents, targeted, settings[0]), latents.observations
    found = _identified(moves, targeted, settings[0])
    reducer = fit_slot_reduction(z, moves.last - 1, moves.targets, found, settings[1], targeted)
    save_weights(reducer, context.folder / SLOTS)
    write_json(context.folder / SLOTS_RECORD, dict(zip(SIZES, reducer.sizes)))
    return reducer


def reduced(recording: Recording, reducer: SlotReducer) -> Recording:
    """The recording with the reduced latents."""
    return replace(recording, observations=encode(reducer, recording.observations))


def _widened(
    found: Identification,
    recordings: tuple[Recording, Recording],
    targeted: tuple[str, ...],
    settings: ClosedFormSettings,
    context: StageContext,
) -> Identification:
    """The closed form with more directions for variables whose slot shows clearly less than all latents.

    They get one more at a time, up to `MOST_MORE`, until their slot does not; a variable for which that does not help
    keeps its directions, and it is not said to be found.
    """
    moves = LatentTransitions.of(recordings[0], targeted, settings)

    def checked(identification: Identification) -> tuple[Identification, list[str]]:
        statements = checked_statements(identification, *recordings, targeted)
        pairs = zip(identification.statements, statements)
        return replace(identification, statements=statements), [new.variable for old, new in pairs if new != old]

    def wider(more: dict[str, int]) -> tuple[Identification, list[str]]:
        least = {**more, **settings.least_directions}
        return checked(_identified(moves, targeted, replace(settings, least_directions=least)))

    start, doubted = checked(found)
    own = {name: int((found.slots == column).sum()) for column, name in enumerate(targeted)}
    best, left, more = start, doubted, dict[str, int]()
    for added in range(1, MOST_MORE + 1):
        if not left:
            break
        say(f"closed form: {added} more directions for {', '.join(left)}", show=context.progress)
        more |= {name: min(own[name] + added, MOST_DIRECTIONS) for name in left}
        best, left = wider(more)
    helped = {name: number for name, number in more.items() if name not in left}
    if len(helped) == len(more):
        return best
    return wider(helped)[0] if helped else start


def _identified(moves: LatentTransitions, targeted: tuple[str, ...], settings: ClosedFormSettings) -> Identification:
    z, last, frames = moves.latents.observations, moves.last, moves.latents.frames_per_observation
    past = [z[last - back] for back in range(2, settings.history + 1)]
    earlier = np.concatenate(past, axis=1) if past else None
    oldest = z[last - (frames - 1)] if frames > 1 else None
    return identify(z[last - 1], z[last], moves.targets, settings, targeted, earlier, oldest)


def _stored(folder: Path, num_latents: int) -> SlotReducer | None:
    """The reducer in the run folder; None if there is none yet, or a file of it is damaged."""
    if not (folder / SLOTS_RECORD).exists():
        return None
    try:
        sizes = read_json(folder / SLOTS_RECORD)
        reducer = blank_reducer(sizes, num_latents, f"the sizes in {folder / SLOTS_RECORD}")
        load_weights(reducer, folder / SLOTS)
    except (ValueError, FileNotFoundError) as error:
        logger.warning("the slot functions are fitted again: %s", error)
        return None
    return reducer.eval()
