from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.evaluation.visibility.known import NAMES, SLOTS, dots, jumps, transitions, walks, with_nuisance

from trisect.evaluation.slots import Slots
from trisect.evaluation.visibility.blame import blames, sentences, warnings
from trisect.evaluation.visibility.read_outs import ALONE, FRAMES, LATENTS, PAST, SLOT, Visibility, visibility
from trisect.evaluation.visibility.value import Value
from trisect.evaluation.visibility.verdict import CANNOT_TELL, CHANGE, FINE, LOST, NOT_IDENTIFIED, NOT_VISIBLE

NUM_TRAIN, NUM_TEST = 4000, 3000
World = tuple[np.ndarray, np.ndarray]
"""Values and targets."""


@pytest.fixture(scope="module")
def world() -> tuple[World, World]:
    return walks(NUM_TRAIN, 0), walks(NUM_TEST, 1)


def seen_by(worlds: tuple[World, World], latents_of, frames_of=None, slots: Slots = SLOTS) -> Visibility:
    """What is seen of latents, and of frames, that are functions of the values."""
    train, test = (transitions(with_nuisance(latents_of(values), 0), targets) for values, targets in worlds)
    frames = None if frames_of is None else (frames_of(worlds[0][0]), frames_of(worlds[1][0]))
    return visibility(train, test, slots, np.random.default_rng(0), frames)


def same(values: np.ndarray) -> np.ndarray:
    return values


def without_a(values: np.ndarray) -> np.ndarray:
    return np.column_stack([np.random.default_rng(7).normal(size=len(values)), values[:, 1:]])


def verdicts(seen: Visibility) -> list[str]:
    return [each.verdict for each in blames(seen)]


def test_slots_that_hold_values_are_fine(world):
    seen = seen_by(world, same)
    assert verdicts(seen) == [FINE] * 3 and sentences(seen) == [] and warnings(seen) == []
    assert FRAMES not in seen.read, "there are no frames"
    for name in NAMES:
        assert seen.score(SLOT, name).share > 0.6 and seen.score(LATENTS, name).share > 0.6
        assert abs(seen.score(PAST, name).share) < 0.02 and seen.score(ALONE, name).auroc < 0.7


@pytest.fixture(scope="module")
def shorter(world) -> tuple[World, World]:
    """For the network of frames, which takes longest."""
    (values, targets), (held, held_targets) = world
    return (values[:1600], targets[:1600]), (held[:1500], held_targets[:1500])


@pytest.fixture(scope="module")
def lost(shorter) -> Visibility:
    """Frames show every variable, and the latents lack one."""
    return seen_by(shorter, without_a, dots)


def test_what_the_encoder_loses_and_what_the_camera_does_not_see(shorter, lost):
    assert verdicts(lost) == [LOST, FINE, FINE]
    (sentence,) = sentences(lost)
    assert sentence.startswith("a: the encoder loses it: the frames show its interventions (AUROC 0.9")
    assert "all latents together do not (AUROC 0." in sentence and "--autoencoder_training.steps" in sentence

    hidden = seen_by(shorter, without_a, lambda values: dots(values, hidden=(0,)))
    assert verdicts(hidden) == [NOT_VISIBLE, FINE, FINE]
    (sentence,) = sentences(hidden)
    assert sentence.startswith("a: the frames are not seen to show its interventions (AUROC 0.")
    assert "`trisect inspect`" in sentence and "is it hidden" in sentence


def test_what_the_encoder_holds_only_roughly_is_lost_in_part(shorter, lost):
    def rough(values: np.ndarray) -> np.ndarray:
        return values + np.array([0.35, 0, 0]) * np.random.default_rng(3).normal(size=values.shape)

    seen = seen_by(shorter, rough)
    seen = replace(seen, read={FRAMES: lost.read[FRAMES], **seen.read})  # the same frames show the same
    assert verdicts(seen) == [LOST, FINE, FINE]
    assert "all latents together show less of them (AUROC 0." in sentences(seen)[0]


def test_wrong_targets_are_not_visible(world):
    train, (values, targets) = world
    shuffled = tuple((v, np.column_stack([np.roll(t[:, 0], 777), t[:, 1:]])) for v, t in (train, (values, targets)))
    seen = seen_by(shuffled, same)
    assert verdicts(seen) == [NOT_VISIBLE, FINE, FINE]
    assert "the observations are not seen to show" in sentences(seen)[0], "these are no frames"


def test_rotated_slots_are_not_identified(world):
    rotation = np.eye(3) - 2 / 3  # a reflection that mixes all of them
    seen = seen_by(world, lambda values: values @ rotation)
    assert verdicts(seen) == [NOT_IDENTIFIED] * 3
    for name, sentence in zip(NAMES, sentences(seen)):
        assert sentence.startswith(f"{name}: the latents hold it, but its slot") and "`citris-nf`" in sentence


def test_a_slot_with_jumps_holds_no_value(world):
    seen = seen_by(world, lambda values: np.column_stack([jumps(values)[:, 0], values[:, 1:]]))
    assert verdicts(seen) == [CHANGE, FINE, FINE]
    (sentence,) = sentences(seen)
    assert sentence.startswith("a: its slot shows its interventions (AUROC 0.9")
    assert "it holds changes of a rather than its value, or a is drawn anew in every frame" in sentence
    assert seen.values["a"].lasting < 0.2 < 0.9 < seen.values["b"].lasting


def test_a_variable_that_is_drawn_anew_looks_the_same_and_the_sentence_says_so():
    worlds = walks(NUM_TRAIN, 0, memory=0.0), walks(NUM_TEST, 1, memory=0.0)
    seen = seen_by(worlds, same)
    assert verdicts(seen) == [CHANGE] * 3
    assert all("is drawn anew in every frame" in sentence for sentence in sentences(seen))


def test_a_true_value_says_more_than_interventions(world):
    jumping = seen_by(world, lambda values: np.column_stack([jumps(values)[:, 0], values[:, 1:]]))
    every = dict.fromkeys(NAMES, 0.99)
    assert verdicts(replace(jumping, slot_r2=every, latents_r2=every)) == [FINE] * 3
    fine = seen_by(world, same)
    low, high = {**every, "a": 0.3}, {**every, "a": 0.8}
    assert verdicts(replace(fine, slot_r2=low, latents_r2=high)) == [NOT_IDENTIFIED, FINE, FINE]
    lost = replace(fine, slot_r2=low, latents_r2={**every, "a": 0.35})
    assert verdicts(lost) == [LOST, FINE, FINE]
    assert "the encoder loses its value" in sentences(lost)[0] and "R2 0.35" in sentences(lost)[0]


def test_a_marker_on_one_observation_is_warned_of(world):
    train, test = (transitions(np.column_stack([values, targets[:, 0] + 0.1]), targets) for values, targets in world)
    seen = visibility(train, test, SLOTS, np.random.default_rng(0))
    (warning,) = warnings(seen)
    assert warning.startswith("one observation alone shows whether a was intervened on (AUROC 1.00")
    assert "stacked or blurred" in warning and "marker" in warning


@pytest.mark.parametrize(("predicted", "lasting", "verdict"), [(0.0, 0.0, CHANGE), (0.9, 0.0, FINE), (0.0, 0.9, FINE)])
def test_changes_are_neither_predictable_nor_lasting(world, predicted: float, lasting: float, verdict: str):
    seen = seen_by(tuple((values[:1500], targets[:1500]) for values, targets in world), same)
    assert verdicts(replace(seen, values={"a": Value(predicted, 0.01, lasting, 0.01, 100)}))[0] == verdict


def test_an_empty_noise_slot_is_warned_of(world):
    slots = Slots(np.eye(4, 4, dtype=bool)[[0, 1, 2, 2]], (*NAMES, "noise"))
    (warning,) = warnings(seen_by(world, same, slots=slots))
    assert warning.startswith("no latent belongs to the noise slot") and "use more latents" in warning


def test_few_interventions_say_nothing():
    seen = seen_by((walks(NUM_TRAIN, 0, rate=0.01), walks(400, 1, rate=0.01)), same)
    assert verdicts(seen) == [CANNOT_TELL] * 3
    assert all("too few" in sentence and "cannot tell" in sentence for sentence in sentences(seen))


def test_probes_of_latents_do_not_depend_on_frames(world):
    short = tuple((values[:400], targets[:400]) for values, targets in world)
    with_frames, without = seen_by(short, same, dots), seen_by(short, same)
    for probe in (LATENTS, SLOT, PAST, ALONE):
        assert (with_frames.read[probe].auroc == without.read[probe].auroc).all()


def test_entries_are_plain(world):
    seen = seen_by(tuple((values[:400], targets[:400]) for values, targets in world), same)
    entry = json.loads(json.dumps(seen.entry("a"), allow_nan=False))
    assert set(entry) > {"latents", "slot", "past", "alone", "held_out_interventions", "value"}
    assert set(entry["slot"]) == {"share", "error", "auroc", "auroc_error"} and entry["slot_r2"] is None


def one_at_a_time(num_frames: int, seed: int) -> World:
    """Values and targets as `walks` makes them, but at most one variable is intervened on at a time."""
    rng = np.random.default_rng(seed)
    targets = rng.choice(4, size=(num_frames, 1), p=[0.25] * 4) == np.arange(3)
    values = np.zeros((num_frames, 3))
    for t in range(1, num_frames):
        walked = 0.97 * values[t - 1] + 0.05 * rng.normal(size=3)
        values[t] = np.where(targets[t], rng.uniform(-1, 1, 3), walked)
    return values, targets


def test_a_variable_is_not_seen_by_excluding_the_others():
    worlds = one_at_a_time(NUM_TRAIN, 0), one_at_a_time(NUM_TEST, 1)
    seen = seen_by(worlds, without_a)
    assert seen.score(LATENTS, NAMES[0]).auroc > 0.7, "who sees no other intervention guesses this one"
    assert verdicts(seen) == [NOT_VISIBLE, FINE, FINE]
    assert "AUROC 0.5" in sentences(seen)[0] or "AUROC 0.4" in sentences(seen)[0]


def test_all_transitions_count_where_those_without_another_intervention_say_nothing(world):
    seen = seen_by(world, same)
    nothing = {
        probe: replace(of, share=np.full(3, np.nan), share_blocks=np.full_like(of.share_blocks, np.nan))
        for probe, of in seen.alone.items()
    }
    few = replace(seen, alone=nothing)
    assert verdicts(few) == [FINE] * 3
    assert few.seen_alone(LATENTS, NAMES[0]) == seen.difference(LATENTS, PAST, NAMES[0])
