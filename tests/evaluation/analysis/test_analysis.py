from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import trisect
from trisect.data.recording import Recording
from trisect.evaluation.analysis import changes, figures
from trisect.evaluation.analysis.changes import Changes, changes_along, changes_of, moves_of
from trisect.evaluation.analysis.traversal import traversals
from trisect.evaluation.slots import Slots
from trisect.variables import Angle, Continuous, VariableSpace

from .known_model import KnownModel, KnownVectors

MODEL: Any = KnownModel()


def level(value: float) -> int:
    return round((value + 1) / 2 * 255)


@pytest.fixture
def reference() -> np.ndarray:
    """Latent l takes the values 0, 1, ..., 100 hundredths of (l + 1) / 4, in some order."""
    values = np.arange(101) / 100
    return np.stack([np.roll(values, 7 * latent) * (latent + 1) / 4 for latent in range(4)], axis=1)


FRAME = np.full((4, 4, 1), level(0.2), np.uint8)


def test_a_traversal_moves_its_pixel_between_the_quantiles_and_no_other(reference: np.ndarray) -> None:
    result = traversals(MODEL, FRAME, reference, num_steps=5, quantiles=(0.1, 0.9))
    assert [(row.slot, row.place) for row in result.rows] == [("a", 0), ("a", 1), ("b", 0)]
    assert result.empty == ("c",)
    for row, latent in zip(result.rows, (0, 3, 1)):
        expected = np.linspace(0.1, 0.9, 5) * (latent + 1) / 4
        assert np.allclose(row.values, expected)
        assert row.own == pytest.approx(0.2, abs=1 / 255)
        assert row.observations.shape == (5, 4, 4, 1) and row.observations.dtype == np.uint8
        pixels = row.observations.reshape(5, 16)
        assert pixels[:, latent].tolist() == [level(value) for value in expected]
        others = [k for k in range(4) if k != latent]
        assert (pixels[:, others] == level(0.2)).all()


def test_chosen_slots_one_frame_in_any_form(reference: np.ndarray) -> None:
    as_float = torch.from_numpy(FRAME).permute(2, 0, 1).float() / 255 * 2 - 1
    rows = [
        traversals(MODEL, frame, reference, slots=["noise"]).rows
        for frame in (FRAME, FRAME[None], torch.from_numpy(FRAME), as_float, as_float[None])
    ]
    assert all([row.slot for row in each] == ["noise"] for each in rows)
    assert all((each[0].observations == rows[0][0].observations).all() for each in rows)


def test_traversals_of_vectors(reference: np.ndarray) -> None:
    model: Any = KnownVectors()
    result = traversals(model, np.zeros(4, np.float32), reference, num_steps=3, quantiles=(0.0, 1.0))
    assert np.allclose(result.rows[2].observations, [[0, 0, 0, 0], [0, 0.25, 0, 0], [0, 0.5, 0, 0]])
    with pytest.raises(ValueError, match="the traversals to draw must be of frames; got vectors of 4 values"):
        figures.traversals_figure(result)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frame": np.zeros((2, 4, 4, 1), np.uint8)}, "the number of frames must be 1; got 2"),
        ({"reference": np.zeros((5, 3))}, r"the shape of the reference latents must be \(any, 4\)"),
        ({"reference": np.zeros((1, 4))}, "the number of reference latents must be at least 2; got 1"),
        ({"num_steps": 1}, "the number of steps of a traversal must be an integer of at least 2"),
        ({"quantiles": (0.9, 0.1)}, "the quantiles of a traversal must be in rising order"),
        ({"quantiles": (0.1, 1.1)}, r"a quantile of a traversal must be a number in \[0, 1\]"),
        ({"slots": ["d"]}, "the slot of a traversal must be one of a, b, c, noise; got 'd'"),
        ({"model": KnownModel(decodes=False)}, "must be one that decodes; got an encoder without a decoder"),
    ],
)
def test_traversals_refuse(change: dict[str, Any], message: str, reference: np.ndarray) -> None:
    with pytest.raises(ValueError, match=message):
        traversals(**{"model": MODEL, "frame": FRAME, "reference": reference, **change})


SPACE = VariableSpace([Continuous("x"), Continuous("y"), Angle("w"), Continuous("u")])
SLOTS = Slots(np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]), ("x", "y", "noise"))
"""Two latents for x, one for y, one for the noise: w and u were never intervened on."""


def recording_of(factors: np.ndarray, **more: Any) -> Recording:
    nothing = np.zeros((len(factors), 4), np.float32)
    return Recording(nothing, np.zeros((len(factors), 4), bool), SPACE, factors=factors.astype(np.float32), **more)


def one_at_a_time(seed: int = 0, num: int = 40) -> np.ndarray:
    """Factors (1 + 3 num, 4): x moves num times, then y, then w; u never."""
    rng = np.random.default_rng(seed)
    factors = np.repeat(rng.uniform(-1, 1, size=(1, 4)), 1 + 3 * num, axis=0)
    for column in range(3):
        rows = slice(1 + column * num, 1 + (column + 1) * num)
        factors[rows, column] = rng.uniform(-1, 1, size=num)
        factors[rows.stop :, column] = factors[rows.stop - 1, column]
    return factors


def independent(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, size=(500, 4))


def encode_exactly(factors: np.ndarray) -> np.ndarray:
    x, y, w, u = factors.T
    return np.stack([np.exp(x), x**3, np.tanh(2 * y), w + u], axis=1)


def test_slots_that_are_functions_of_their_factors_have_no_change_outside() -> None:
    moves = moves_of(recording_of(one_at_a_time()))
    result = changes_along(encode_exactly(one_at_a_time()), SLOTS, moves, encode_exactly(independent()))
    assert result.names == ("x", "y", "w", "u") and result.unmoved == ("u",)
    assert np.allclose(result.outside[:3], 0) and np.isnan(result.outside[3])
    assert result.mean_outside == 0
    assert result.right.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]]
    assert np.isnan(result.matrix[3]).all() and result.steps.shape == (120, 3)


def test_a_planted_leak_gives_the_planted_share() -> None:
    leak, factors, spread = 0.25, one_at_a_time(), independent()
    leaky = {name: encode_exactly(each) for name, each in (("moving", factors), ("reference", spread))}
    leaky["moving"][:, 2], leaky["reference"][:, 2] = (each[:, 1] + leak * each[:, 0] for each in (factors, spread))
    for latents, each in ((leaky["moving"], factors), (leaky["reference"], spread)):
        latents[:, 0] = latents[:, 1] = each[:, 0]
    result = changes_along(leaky["moving"], SLOTS, moves_of(recording_of(factors)), leaky["reference"])
    deviation = leaky["reference"].std(axis=0)
    right, wrong = 1 / deviation[0], leak / deviation[2]
    step = np.abs(np.diff(factors[:41, 0])).mean()
    assert np.allclose(result.matrix[0], [step * right, step * wrong, 0])
    assert result.outside[0] == pytest.approx(wrong / (right + wrong))
    assert result.outside[1] == pytest.approx(0, abs=1e-12)
    assert result.mean_outside == pytest.approx(result.outside[0] / 2)


def test_the_scale_of_a_latent_does_not_matter() -> None:
    moves, scale = moves_of(recording_of(one_at_a_time())), np.array([1e-3, 5, 100, 0.1])
    rng = np.random.default_rng(2)
    mixed, reference = rng.normal(size=(121, 4)), rng.normal(size=(300, 4))
    first = changes_along(mixed, SLOTS, moves, reference)
    again = changes_along(mixed * scale + 7, SLOTS, moves, reference * scale - 3)
    assert np.allclose(first.matrix, again.matrix, equal_nan=True)


def test_a_slot_without_latents_is_undefined_and_all_change_is_outside_it() -> None:
    slots = Slots(np.array([[1, 0, 0], [1, 0, 0], [1, 0, 0], [0, 0, 1]]), ("x", "y", "noise"))
    latents, reference = encode_exactly(one_at_a_time()), encode_exactly(independent())
    result = changes_along(latents, slots, moves_of(recording_of(one_at_a_time())), reference)
    assert np.isnan(result.matrix[:, 1]).all()
    assert result.outside[1] == 1
    assert result.mean_outside == 0.5


def test_constant_latents_count_as_no_change() -> None:
    moves = moves_of(recording_of(one_at_a_time()))
    latents, reference = encode_exactly(one_at_a_time()), encode_exactly(independent())
    reference[:, 1], latents[:, 1] = 3.0, np.random.default_rng(0).normal(size=121)
    assert changes_along(latents, SLOTS, moves, reference).outside[0] == 0
    result = changes_along(np.zeros((121, 4)), SLOTS, moves, np.zeros((3, 4)))
    assert np.isnan(result.outside).all() and np.isnan(result.mean_outside)
    assert result.unmoved == ("u",)


def test_only_steps_in_which_one_thing_moves_count() -> None:
    nothing = np.zeros(4)
    rows = [nothing, [1, 0, 0, 0], [1, 0, 0, 0], [2, 1, 0, 0], [2, 2, 0, 0], [2, 2, 2 * np.pi, 0], [9, 9, 1, 9]]
    factors = np.array(rows, dtype=np.float32)
    moves = moves_of(recording_of(factors, episode_starts=np.array([0, 6])))
    assert moves.which.tolist() == [0, -1, -1, 1, -1]  # the full turn of w is no move; no step crosses episodes
    together = moves_of(recording_of(factors, episode_starts=np.array([0, 6])), [("y", "x")])
    assert together.rows == (("y", "x"), ("w",), ("u",))
    assert together.which.tolist() == [0, -1, 0, 0, -1]


def test_variables_that_move_together_belong_in_all_their_slots() -> None:
    factors = one_at_a_time()
    factors[:, 1] = factors[:, 0]
    moves = moves_of(recording_of(factors), [("x", "y")])
    result = changes_along(encode_exactly(factors), SLOTS, moves, encode_exactly(independent()))
    assert result.names == ("x + y", "w", "u")
    assert result.right.tolist() == [[1, 1, 0], [0, 0, 1], [0, 0, 1]]
    assert result.mean_outside == 0 and (result.matrix[0, :2] > 0.1).all()


def test_changes_of_a_model_are_those_of_its_latents() -> None:
    factors = one_at_a_time()
    pixels = np.zeros((len(factors), 4, 4, 1), np.uint8)
    pixels.reshape(-1, 16)[:, :3] = np.round(127 + 100 * factors[:, [0, 1, 3]])
    space = VariableSpace([Continuous("a"), Continuous("b"), Continuous("w"), Continuous("noise_source")])
    recording = Recording(pixels, np.zeros((len(factors), 4), bool), space, factors=factors.astype(np.float32))
    result = changes_of(MODEL, recording, np.random.default_rng(0).normal(size=(50, 4)))
    assert result.slots == MODEL.slot_names
    assert np.allclose(result.outside[:2], 0)
    assert np.isnan(result.outside[2])  # w is not in the picture: it moves, no slot does


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (
            lambda: moves_of(Recording(np.zeros((3, 4), np.float32), np.zeros((3, 4), bool), SPACE)),
            "the recording must be one with factors, to find what moved; got none",
        ),
        (lambda: moves_of(recording_of(one_at_a_time()), [("x", "q")]), "a variable name must be one of x, y, w, u"),
        (lambda: moves_of(recording_of(one_at_a_time()), [("x", "y"), ("y",)]), "all different; got y more than once"),
        (
            lambda: changes_along(np.zeros((500, 4)), SLOTS, moves_of(recording_of(independent())), independent()),
            "must be one in which a variable moves alone; got none in any step; pass the variables that move at once",
        ),
        (
            lambda: changes_along(np.zeros((9, 3)), SLOTS, moves_of(recording_of(one_at_a_time())), independent()),
            r"the shape of the latents must be \(any, 4\)",
        ),
    ],
)
def test_changes_refuse(attempt: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        attempt()


def test_the_published_slider_file(shared: Path, tmp_path: Path) -> None:
    folder = shared / "data" / "causal3d_tutorial"
    recording = trisect.convert(folder, tmp_path / "data").recording("slider")
    raw = np.load(folder / "data_slider.npz")["raw_latents"]
    position, spot, background = (np.abs(np.diff(raw[:, k], axis=0)).max(axis=1) > 1e-4 for k in ([0, 1, 2], [6], [9]))
    names = recording.variables.names
    moves = moves_of(recording, [("x", "y", "z")])
    for moved, row in ((position, ("x", "y", "z")), (spot, ("spot_rotation",)), (background, ("hue_background",))):
        assert moved.any() and ((moves.which == moves.rows.index(row)) == moved).all()
    identity = Slots(np.eye(len(names) + 1, dtype=bool)[: len(names)], (*names, "noise"))
    latents = np.asarray(recording.factors, dtype=float)
    result = changes_along(latents, identity, moves, latents)
    assert result.mean_outside == 0 and (result.outside >= 0).sum() == 3
    assert {"alpha", "hue_object", "shape"} <= set(result.unmoved)
    alone = changes_along(latents, identity, moves_of(recording), latents)
    assert {"x", "y", "z"} <= set(alone.unmoved) and alone.mean_outside == 0


def test_changes_follow_the_formula_of_the_docstring() -> None:
    rng = np.random.default_rng(5)
    latents, reference, moves = (
        rng.normal(size=(121, 4)),
        rng.normal(size=(60, 4)),
        moves_of(recording_of(one_at_a_time())),
    )
    result = changes_along(latents, SLOTS, moves, reference)
    sigma, change = reference.std(axis=0), np.abs(np.diff(latents, axis=0))
    by_hand = [change[:40, columns] / sigma[columns] for columns in ([0, 1], [2], [3])]
    d_x, d_y, d_noise = (float(each.mean()) for each in by_hand)
    assert result.outside[0] == pytest.approx(1 - d_x / (d_x + d_y + d_noise))
    assert changes.STILL < 1e-3


def test_in_others_leaves_out_the_noise_slot() -> None:
    own = np.array([[True, False, False], [False, True, False], [False, False, True]])
    matrix = np.array([[2.0, 1.0, 1.0], [0.0, 3.0, 1.0], [1.0, 0.0, 1.0]])
    rows, nothing = (("x",), ("y",), ("w",)), np.zeros((3, 3))
    result = Changes(rows, ("x", "y", "noise"), own, np.array([0, 1, 2]), nothing, matrix)
    assert result.outside.tolist() == [0.5, 0.25, 0.5]
    assert result.in_others[:2].tolist() == pytest.approx([1 / 3, 0])
    assert result.mean_outside == 0.375 and result.mean_in_others == pytest.approx(1 / 6)
