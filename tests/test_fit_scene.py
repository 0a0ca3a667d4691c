"""The tools that find the factors of frames of the 3-D scene, tested on frames with known factors."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("numba")

from trisect.worlds import causal3dident_dynamics as dynamics
from trisect.worlds.causal3dident_dynamics import NAMES, TURN, Rules
from trisect.worlds.scene3d import SceneConstants, layout

TOOLS = Path(__file__).resolve().parents[1] / "tools"
ROW = np.array([0.4, -0.3, 0.5, 0.7, 5.2, 0.0, 2.6, 2.3, 4.2, 1.3])
"""A teapot with visible handle, spout and lid."""


@pytest.fixture(scope="module")
def tools() -> Iterator[SimpleNamespace]:
    """The modules of the tools by the last words of their names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(TOOLS)
        names = ("frames", "search", "rules", "results")
        yield SimpleNamespace(**{name: importlib.import_module(f"scene_{name}") for name in names})


@pytest.fixture(scope="module")
def frame(tools) -> np.ndarray:
    """The frame of `ROW`, drawn with more rays than in the search."""
    return tools.frames.draw(tools.frames.Factors.from_rows(ROW[None]), SceneConstants(), rays=16)[0]


@pytest.fixture(scope="module")
def searcher(tools) -> object:
    effort = tools.search.Effort(guesses=200, kept=4, rotations=16, lights=12, peaks=3, finished=2)
    return tools.search.Searcher(SceneConstants(), effort)


# --- the search -----------------------------------------------------------------------------------------------------


def differences(estimate: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Absolute differences (10,); angles differ by at most pi."""
    apart = estimate - row
    apart[3:] = (apart[3:] + np.pi) % TURN - np.pi
    return np.abs(apart)


def test_the_search_finds_the_factors_of_a_frame(searcher, frame) -> None:
    estimate = searcher.search(frame, np.random.default_rng(0))
    assert differences(estimate, ROW).max() < 0.15


def test_a_wrong_row_is_corrected_by_that_of_a_neighbour(searcher, frame) -> None:
    wrong, near = ROW.copy(), ROW + 0.15 * np.cos(np.arange(10))
    wrong[3:5], near[5] = (2.5, 1.0), 0.0
    assert differences(searcher.revise(frame, wrong, [near]), ROW).max() < 0.2


def test_a_good_row_is_kept_despite_bad_neighbours(searcher, frame) -> None:
    other = np.array([-1.0, 1.0, -1.0, 3.0, 3.0, 0.0, 5.0, 5.0, 1.0, 4.0])
    assert differences(searcher.revise(frame, ROW, [other]), ROW).max() < 0.05


def test_an_object_is_moved_to_its_position_in_the_frame(searcher, frame) -> None:
    moved = ROW.copy()
    moved[:3] += (-0.8, 0.5, -0.4)
    aligned = searcher.sights(frame)["middle"].aligned(moved[None])[0]
    assert np.linalg.norm(aligned[:3] - ROW[:3]) < 0.5 * np.linalg.norm(moved[:3] - ROW[:3])
    assert np.array_equal(aligned[3:], moved[3:])


def test_guesses_have_the_object_on_its_ray_and_the_floor_s_hue(tools, frame) -> None:
    rows = tools.search.guesses(frame, SceneConstants(), 50, np.random.default_rng(0))
    eye, right, up, ahead = layout.camera_rows(SceneConstants())
    seen = np.concatenate([rows[:, :3], ROW[None, :3]]) + np.array([0.0, 0.0, SceneConstants().object_lift]) - eye
    across, upward = (seen @ way / (seen @ ahead / (ahead @ ahead)) for way in (right, up))
    assert np.abs(rows[:, :3]).max() <= 2.0
    assert np.abs(across[:-1] - across[-1]).mean() < 0.06 and np.abs(upward[:-1] - upward[-1]).mean() < 0.06
    assert np.abs(rows[:, 9] - ROW[9]).max() < 0.05


def test_twins_are_half_turns_about_the_axes_of_the_object(tools) -> None:
    (rotation,) = layout.turns(ROW[None, 3:6])
    for axis, turned in zip((2, 0, 1), layout.turns(tools.search.twins(ROW)[:, 3:6])):
        half = -np.eye(3)
        half[axis, axis] = 1.0
        np.testing.assert_allclose(turned, rotation @ half, atol=1e-12)


def test_the_fourth_channel_shows_the_lit_object_and_no_floor(tools, frame) -> None:
    scene = tools.frames.Scene(["teapot"])
    mask = scene.silhouettes(ROW[None, :3], ROW[None, 3:6], np.zeros(1, int))[0]
    cover = tools.search.with_saturation(frame)[..., 3] / tools.search.COVER
    assert np.array_equal(tools.search.with_saturation(frame)[..., :3], frame)
    assert cover[mask == 1].mean() > 0.7 and cover[mask == 0].mean() < 0.02
    assert 0.5 * mask.sum() < tools.search.object_mask(frame).sum() < 1.1 * mask.sum()


def test_hues_are_read_from_colours(tools) -> None:
    hues = np.linspace(0, TURN, 25, endpoint=False)
    read = [tools.search.hue_of(0.3 * colour) for colour in layout.colours(hues, 0.6)]
    np.testing.assert_allclose(read, hues, atol=1e-12)
    assert tools.search.hue_of(np.ones(3)) == 0.0


def test_equal_frames_have_similarity_1_each(tools, frame) -> None:
    others = np.stack([frame, 255 - frame])
    alike = tools.frames.similarities(others, np.stack([frame, frame]))
    assert alike[0] == pytest.approx(1.0) and alike[1] < 0.5
    assert tools.frames.absolute_errors(others, np.stack([frame, frame]))[0] == 0.0


# --- the rules ------------------------------------------------------------------------------------------------------


def simulate(rules: Rules, num: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows (num, 10) of a teapot's sequence and the targets (num - 1, 12) of its steps."""
    rng, teapot = np.random.default_rng(0), np.zeros(1, np.int64)
    state = np.zeros((len(NAMES), 1))
    targets = rng.random((num - 1, len(NAMES))) < 0.1
    rows = [state[:10, 0]]
    for target in targets:
        state = dynamics.advance(state, target[:, None], dynamics.sample_draws(1, teapot, rng), rules)
        rows.append(state[:10, 0])
    return np.array(rows), targets.astype(int)


@pytest.mark.parametrize("instantaneous", [False, True])
def test_residuals_are_the_noise_of_the_rules(tools, instantaneous) -> None:
    rules = Rules(instantaneous)
    rows, targets = simulate(rules, 3000)
    residuals = tools.rules.check_rules(rows, targets, rules)
    assert [one.name for one in residuals] == [name for name in NAMES[:10] if name != "gamma"]
    for one in residuals:
        assert one.num == int((targets[:, NAMES.index(one.name)] == 0).sum())
        assert one.by_rules == pytest.approx(one.known, rel=0.1), one.name
    other = {one.name: one for one in tools.rules.check_rules(rows, targets, Rules(not instantaneous))}
    assert other["alpha"].by_rules > 1.2 * other["alpha"].known


def test_the_expected_step_leaves_no_residual(tools) -> None:
    after = tools.rules.expected(ROW)
    residuals = tools.rules.residuals(np.stack([ROW, after]), np.zeros((1, 12), int), Rules())
    np.testing.assert_allclose(residuals, 0.0, atol=1e-12)
    assert differences(after, ROW)[:5].min() > 0.1


def test_factors_out_of_order_break_the_rules(tools) -> None:
    rows, targets = simulate(Rules(), 1000)
    shuffled = np.random.default_rng(1).permutation(rows)
    assert all(one.by_rules > 3 * one.known for one in tools.rules.check_rules(shuffled, targets, Rules()))


def test_the_grid_of_hues_is_found(tools) -> None:
    rng = np.random.default_rng(0)
    hues = np.pi / 6 + np.pi / 4 * rng.integers(8, size=400) + 0.03 * rng.standard_normal(400)
    phase, distance = tools.rules.hue_grid(hues)
    assert phase == pytest.approx(np.pi / 6, abs=0.01) and distance == pytest.approx(0.02, abs=0.004)
    assert tools.rules.hue_grid(rng.uniform(0, TURN, 400))[1] == pytest.approx(0.196, abs=0.03)


# --- results in a folder --------------------------------------------------------------------------------------------


class Stub:
    """A searcher that records its calls: a frame's row is its number, and its error is taken from ``errors``."""

    constants, effort = "constants", "effort"

    def __init__(self, errors: list[float]) -> None:
        self.errors, self.searched, self.revised = errors, [], []

    def search(self, frame: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        self.searched.append(int(frame[0]))
        return np.full(10, float(frame[0]))

    def revise(self, frame: np.ndarray, row: np.ndarray, others: list[np.ndarray]) -> np.ndarray:
        of_frames = [int(other[0]) for other in others if len({*other}) == 1]  # without the row predicted by the rules
        self.revised.append((int(frame[0]), of_frames))
        assert len(others) - len(of_frames) == (frame[0] > 0)
        return row

    def sights(self, frame: np.ndarray) -> dict:
        return {"large": SimpleNamespace(errors=lambda rows: [self.errors[int(frame[0])]])}


def test_an_interrupted_run_resumes_where_it_stopped(tools, tmp_path, capsys) -> None:
    frames, first = np.arange(5)[:, None], Stub([1.0] * 5)
    results = tools.results.Results(tmp_path)
    tools.results.find_all(frames[:3], first, results, seed=0, passes=1)
    second = Stub([1.0] * 5)
    final = tools.results.find_all(frames, second, results, seed=0, passes=1)
    assert (first.searched, second.searched) == ([0, 1, 2], [3, 4])
    assert [one.row[0] for one in final] == [0, 1, 2, 3, 4]
    assert "pass 1, frame 4 (5 of 5): error 1.00, 0 min left" in capsys.readouterr().out
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("change", ["frame", "effort", "seed"])
def test_results_with_other_inputs_are_not_reused(tools, tmp_path, change) -> None:
    frames, results = np.arange(2)[:, None], tools.results.Results(tmp_path)
    tools.results.find_all(frames, Stub([1.0] * 3), results, seed=0, passes=1)
    stub = Stub([1.0] * 3)
    stub.effort = "more" if change == "effort" else stub.effort
    frames = np.array([[0], [2]]) if change == "frame" else frames
    tools.results.find_all(frames, stub, results, seed=int(change == "seed"), passes=1)
    assert stub.searched == ([2] if change == "frame" else [0, 1])


def test_later_passes_start_from_neighbours_and_search_bad_frames_again(tools, tmp_path) -> None:
    frames = np.arange(5)[:, None]
    stub = Stub([1.0, 1.1, 9.0, 1.2, 0.9])
    tools.results.find_all(frames, stub, tools.results.Results(tmp_path), seed=0, passes=3)
    assert stub.searched == [0, 1, 2, 3, 4, 2, 2]
    assert stub.revised == [(0, [1]), (1, [0, 2]), (2, [1, 3, 2]), (3, [2, 4]), (4, [3]), (2, [1, 3, 2])]


def test_effort_is_part_of_the_key(tools) -> None:
    effort = tools.search.Effort()
    assert tools.results.key_of(effort) != tools.results.key_of(replace(effort, peaks=9))


def test_published_factors_are_found(tools, shared) -> None:
    """The start is as far away as after a coarse search; the constants were fitted to other frames of the file."""
    file = shared / "data" / "causal3d_tutorial" / "data_slider.npz"
    if not file.is_file():
        pytest.skip(f"no published frames: {file} does not exist")
    with np.load(file) as data:
        frame, row = data["imgs"][5, ..., :3], data["raw_latents"][5].astype(np.float64)
    searcher: ModuleType = tools.search.Searcher(SceneConstants())
    start = row + 0.2 * np.cos(np.arange(10))
    start[5] = 0.0
    apart = differences(searcher.revise(frame, start, []), row)
    assert apart[[0, 1, 2, 3, 4, 6, 9]].max() < 0.15
    assert apart[[7, 8]].max() < 0.4  # hues of object and spotlight trade off


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (None, "an .npz file must be there; got no file"),
        ({"imgs": np.zeros(3)}, "must be named images, interventions; got imgs; missing images, interventions"),
        (b"torn", "must be an .npz archive; got"),
    ],
)
def test_unsuitable_files_are_refused_in_one_sentence(tools, tmp_path, content, got) -> None:
    fit_scene, file = importlib.import_module("fit_scene"), tmp_path / "frames.npz"
    if isinstance(content, dict):
        np.savez(file, **content)
    elif content is not None:
        file.write_bytes(content)
    with pytest.raises(SystemExit) as refused:
        fit_scene.arrays_of(file, "images", "interventions")
    assert got in str(refused.value) and file.name in str(refused.value)
