"""Training refuses data with errors unless they are ignored, logs warnings, and the report contains the findings."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.edited import edit_json
from tests.varied import varied

import trisect
from trisect.cli import main
from trisect.data import store
from trisect.data.dataset import Dataset
from trisect.data.recording import Recording
from trisect.recipes import citris_nf, citris_nf_vectors, citris_vae, closed_form
from trisect.runs import suitability
from trisect.training.settings import TrainingSettings
from trisect.variables import anonymous

NAMES = ("a", "b", "c")


def drifting(shift: int = 0, rates: tuple[float, ...] = (0.1, 0.1, 0.1), num: int = 2000) -> Dataset:
    """Vectors of three numbers that drift, and jump at interventions; targets may be shifted by some rows."""
    rng = np.random.default_rng(0)
    targets = rng.random((num, 3)) < rates
    values = np.zeros((num, 3))
    for t in range(1, num):
        drifted = 0.9 * values[t - 1] + 0.1 * rng.normal(size=3)
        values[t] = np.where(targets[t], 2 * rng.normal(size=3), drifted)
    mixed = (values @ rng.normal(size=(3, 3))).astype(np.float32)
    whole = Recording(mixed, np.roll(targets, shift, axis=0), anonymous(NAMES))
    first, second = num - 600, num - 300
    return Dataset({"train": whole.rows(0, first), "val": whole.rows(first, second), "test": whole.rows(second, num)})


def train(data: Dataset, out: Path, **options: bool) -> trisect.runs.train.Run:
    return trisect.train(closed_form(), data, out, progress=False, **options)


def test_shifted_targets_are_refused_before_anything_is_written(tmp_path) -> None:
    with pytest.raises(ValueError, match=r"without errors .*got the effect of row t.*despite_errors=True"):
        train(drifting(shift=1), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_ignored_errors_are_in_the_report(tmp_path) -> None:
    data = drifting(shift=1)
    run = train(data, tmp_path / "run", despite_errors=True)
    report = trisect.evaluate(run, data, quick=True)
    assert [each["code"] for each in report["findings"] if each["level"] == "error"] == ["shifted"]
    assert any("In the data: the effect of row t" in sentence for sentence in report["warnings"])
    assert "In the data: the effect of row t" in (tmp_path / "run" / "report.html").read_text()


def test_sound_data_are_trained_on_without_a_warning(tmp_path, caplog) -> None:
    data = drifting()
    with caplog.at_level(logging.WARNING):
        run = train(data, tmp_path / "run")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    codes = [each["code"] for each in run.findings]
    assert "aligned" in codes and all(each["level"] == "note" for each in run.findings)
    assert trisect.load_run(tmp_path / "run").findings == run.findings
    report = trisect.evaluate(run, data, quick=True)
    assert [each["code"] for each in report["findings"]] == codes
    assert not any("In the data" in sentence for sentence in report["warnings"])


def test_warnings_are_logged(tmp_path, caplog) -> None:
    data = drifting(rates=(0.1, 0.1, 0.008))
    with caplog.at_level(logging.WARNING):
        train(data, tmp_path / "run")
    assert any("few steps intervene on c" in record.getMessage() for record in caplog.records)


def test_a_run_without_stored_findings_is_read(tmp_path) -> None:
    train(drifting(), tmp_path / "run")
    edit_json(tmp_path / "run" / "run.json", lambda described: described.pop("findings"))
    assert trisect.load_run(tmp_path / "run").findings == ()


def test_the_command_line_refuses_unless_errors_are_ignored(tmp_path, capsys) -> None:
    store.save(drifting(shift=-1), tmp_path / "data")
    given = ["train", "closed-form", "--data", str(tmp_path / "data"), "--out", str(tmp_path / "run"), "--quiet"]
    assert main(given) == 1
    assert "--despite-errors" in capsys.readouterr().err
    assert main([*given, "--despite-errors"]) == 0


FEW = TrainingSettings(steps=3, logger=None)


def filmed(fan: int = 30, lamp: int = 30, num: int = 209) -> Recording:
    """Frames of two patches whose brightness drifts and jumps, with so many interventions on each."""
    rng = np.random.default_rng(0)
    targets = np.zeros((num, 2), dtype=bool)
    for column, count in enumerate((fan, lamp)):
        targets[1 + rng.permutation(num - 1)[:count], column] = True
    frames, bright = np.full((num, 8, 8, 1), 30, dtype=np.uint8), np.full(2, 100.0)
    for t in range(num):
        bright = np.where(targets[t], rng.uniform(60, 250, 2), np.clip(bright + 3 * rng.normal(size=2), 60, 250))
        frames[t, :3, 2:6, 0], frames[t, 5:, 2:6, 0] = bright
    return Recording(frames, targets, anonymous(["fan", "lamp"]))


def of_one_frame(recording: Recording) -> Recording:
    """The same frames, each an episode of its own."""
    return replace(recording, episode_starts=np.arange(len(recording)))


def splits(train: Recording, val: Recording | None = None) -> Dataset:
    return Dataset({"train": train, "val": val or filmed()})


def as_vectors(change: Callable[[np.ndarray], np.ndarray]) -> Dataset:
    """The two brightnesses and noise, changed."""
    film, rng = filmed(), np.random.default_rng(1)
    values = np.column_stack([film.observations[:, 0, 3, 0], film.observations[:, 6, 3, 0], rng.normal(size=len(film))])
    return splits(*(replace(film, observations=change(values).astype(np.float32)) for _ in range(2)))


STEPS = "must be at least 5 of 208 steps; got"
REFUSED: dict[str, tuple[Callable[[], Dataset], str]] = {
    "four interventions": (
        lambda: splits(filmed(fan=4)),
        f"the interventions on 'fan' {STEPS} 4; record more steps that",
    ),
    "one intervention": (
        lambda: splits(filmed(lamp=1)),
        f"the interventions on 'lamp' {STEPS} 1; record more steps that",
    ),
    "four steps without": (
        lambda: splits(filmed(fan=204)),
        f"the steps without an intervention on 'fan' {STEPS} 4; record more steps that do not intervene on it",
    ),
    "none without": (lambda: splits(filmed(fan=208)), f"the steps without an intervention on 'fan' {STEPS} 0"),
    "eight frames": (
        lambda: splits(filmed(2, 3, 8)),
        "the steps of the training recording must be at least 10; got 7; record more",
    ),
    "no interventions": (lambda: splits(filmed(0, 0)), "must be one with interventions; got targets that are all 0"),
    "episodes of one frame": (
        lambda: splits(of_one_frame(filmed())),
        "the longest episode of split 'train' must be of at least 2 frames.*got 1 frame in 209 episodes; record longer",
    ),
    "episodes of one frame to validate on": (
        lambda: splits(filmed(), of_one_frame(filmed())),
        "the longest episode of split 'val' must be of at least 2 frames.*got 1 frame in 209 episodes",
    ),
    "one frame to validate on": (
        lambda: splits(filmed(), filmed().rows(0, 1)),
        "the longest episode of split 'val' must be of at least 2 frames.*got 1 frame in 1 episode; record longer",
    ),
}


@pytest.mark.parametrize("despite_errors", [False, True])
@pytest.mark.parametrize("why", REFUSED)
@pytest.mark.parametrize("recipe", [closed_form(), citris_nf(), citris_vae()], ids=lambda recipe: recipe.method)
def test_what_no_method_can_train_is_refused_before_anything_is_written(recipe, why, despite_errors, tmp_path) -> None:
    data, message = REFUSED[why][0](), REFUSED[why][1]
    with pytest.raises(ValueError, match=message):
        trisect.train(recipe, data, tmp_path / "run", progress=False, despite_errors=despite_errors)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("recipe", [closed_form(), citris_nf()], ids=lambda recipe: recipe.method)
@pytest.mark.parametrize("despite_errors", [False, True])
@pytest.mark.parametrize("of", ["frames", "vectors"])
def test_observations_that_never_change_are_refused(of: str, despite_errors: bool, recipe, tmp_path) -> None:
    still = splits(replace(filmed(), observations=np.full((209, 8, 8, 1), 7, np.uint8)))
    data = still if of == "frames" else as_vectors(np.ones_like)
    message = (
        f"the {of} of split 'train' must be different in some rows; got the same in all 209 rows; check the recording"
    )
    with pytest.raises(ValueError, match=message):
        trisect.train(recipe, data, tmp_path / "run", progress=False, despite_errors=despite_errors)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("count", [1, 4, 5, 203, 204, 207])
def test_inspection_and_training_draw_the_same_line(count: int, tmp_path) -> None:
    data = splits(filmed(fan=count))
    errors = [finding for finding in trisect.inspect(data).at("error") if "fan" in finding.variables]
    quick = varied(closed_form(num_latents=3), autoencoder={"networks": "profile"}, autoencoder_training=FEW)
    if 5 <= count <= 203:
        assert not errors
        run = trisect.train(quick, data, tmp_path / "run", progress=False)
        assert bool(run.model.encode(data["val"].observations[:4]).isfinite().all())
    else:
        assert [error.code[:4] for error in errors] == ["too-"]
        with pytest.raises(ValueError, match="on 'fan' must be at least 5 of 208 steps"):
            trisect.train(quick, data, tmp_path / "run", progress=False)


@pytest.mark.parametrize(
    ("data", "recipe", "message"),
    [
        (
            lambda: splits(filmed()),
            closed_form(1),
            "num_latents of the autoencoder settings must be at least the number of",
        ),
        (
            lambda: splits(filmed()),
            citris_vae(1),
            "num_latents of the variational settings must be at least the number of",
        ),
        (
            lambda: as_vectors(np.asarray),
            closed_form(1),
            "the components to keep must be at least the 2 targets; got 1",
        ),
        (
            lambda: as_vectors(lambda values: values * [1, 0, 0] + 3),
            closed_form(),
            "the independent dimensions of the vectors must be at least as many as targets, 2; got 1; add dimensions",
        ),
    ],
)
def test_recipes_that_do_not_fit_the_data_are_refused_before_anything_is_written(
    data, recipe, message, tmp_path
) -> None:
    with pytest.raises(ValueError, match=message):
        trisect.train(recipe, data(), tmp_path / "run", progress=False, despite_errors=True)
    assert not (tmp_path / "run").exists()


def test_a_dimension_that_never_changes_is_left_out_and_restored(tmp_path) -> None:
    data = as_vectors(lambda values: values * [1, 1, 0] + [0, 0, 5])
    run = trisect.train(closed_form(), data, tmp_path / "run", progress=False)
    assert run.model.representation.num_latents == 2
    vectors = data["val"].observations[:7]
    assert np.allclose(run.model.decode(run.model.encode(vectors)).detach(), vectors, rtol=1e-3)


def test_a_recipe_for_vectors_on_frames_says_so(tmp_path, caplog) -> None:
    quick = replace(citris_nf_vectors(3), autoencoder_training=FEW, flow_training=FEW)
    with caplog.at_level(logging.WARNING, "trisect"):
        trisect.train(quick, splits(filmed()), tmp_path / "run", progress=False)
    said = [record.getMessage() for record in caplog.records]
    assert any(
        "flow.num_bumps is 8, which is made for vectors" in each and "--flow.num_bumps 0" in each for each in said
    )


@pytest.mark.parametrize("batch_size", [2, 32, 512])
def test_any_batch_size_trains_with_finite_weights(batch_size: int, tmp_path, caplog) -> None:
    """40 pairs make 20 batches, one and a rest, or none: the last is reduced to all pairs, with a notice."""
    data = splits(filmed(12, 12, 41))
    recipe = replace(citris_nf(3), batch_size=batch_size, flow_batch_size=batch_size)
    quick = varied(recipe, autoencoder={"networks": "profile"}, autoencoder_training=FEW, flow_training=FEW)
    with caplog.at_level(logging.WARNING, "trisect"):
        run = trisect.train(quick, data, tmp_path / "run", progress=False)
    assert all(bool(value.isfinite().all()) for value in run.model.state_dict().values())
    notices = [record.getMessage() for record in caplog.records if "reduced to 40" in record.getMessage()]
    assert len(notices) == (2 if batch_size == 512 else 0)


# What inspection calls an error, training refuses by the same sentence; what it does not, training accepts


def sensed(targets: np.ndarray, change: Callable[[np.ndarray], np.ndarray] = np.asarray, **episodes: object) -> Dataset:
    """Vectors of one number per target, which jumps where its target is 1, and two more."""
    rng, num = np.random.default_rng(0), len(targets)
    values = np.zeros((num, targets.shape[1] + 2))
    for t in range(1, num):
        values[t] = 0.9 * values[t - 1] + 0.3 * rng.normal(size=values.shape[1])
        values[t, :-2] += 2 * targets[t] * rng.normal(size=targets.shape[1])
    mixed = (values @ rng.normal(size=(values.shape[1], values.shape[1]))).astype(np.float32)
    names = anonymous([f"v{k}" for k in range(targets.shape[1])])
    whole = Recording(change(mixed), targets, names, **episodes)
    return Dataset({"train": whole, "val": replace(whole, episode_starts=None)})


def at(num: int, *rows: np.ndarray | list[int]) -> np.ndarray:
    """Targets that are 1 in these rows of each column."""
    targets = np.zeros((num, len(rows)), dtype=bool)
    for column, each in enumerate(rows):
        targets[each, column] = True
    return targets


def switched(*counts: int, num: int = 1400) -> np.ndarray:
    """Targets with so many single rows in each column."""
    rng = np.random.default_rng(1)
    return at(num, *(1 + rng.permutation(num - 1)[:count] for count in counts))


def drawn(num_columns: int, num: int = 600, rate: float = 0.2) -> np.ndarray:
    return np.random.default_rng(2).random((num, num_columns)) < rate


def held_for(rows: int, onsets: int, num: int = 600) -> np.ndarray:
    """One column that is held ``onsets`` times, and one that is drawn."""
    level = np.isin(np.arange(num) // rows, 1 + 2 * np.arange(onsets))
    return np.column_stack([level, drawn(1, num)[:, 0]])


FIVE = [20, 30, 40, 50, 60]
ERRORS: dict[str, Callable[[], Dataset]] = {
    **{why: data for why, (data, _) in REFUSED.items()},
    "equal": lambda: sensed(drawn(2)[:, [0, 0, 1]]),
    "opposite": lambda: sensed(np.column_stack([drawn(1), ~drawn(1)])),
    "equal by coincidence": lambda: sensed(at(90, FIVE, FIVE)),
    "opposite by coincidence": lambda: sensed(at(12, [1, 3, 5, 7, 9], [2, 4, 6, 8, 10, 11])),
    "one of three": lambda: sensed(np.eye(3, dtype=bool)[np.random.default_rng(0).integers(3, size=600)]),
    "any of two": lambda: sensed(np.column_stack([drawn(2), drawn(2).any(axis=1)])),
    "a row late": lambda: drifting(shift=1),
    "a row early": lambda: drifting(shift=-1),
    "always": lambda: sensed(np.column_stack([drawn(1), np.ones(600, bool)])),
    "constant": lambda: sensed(drawn(2), np.zeros_like),
    "four switches": lambda: sensed(switched(20, 20, 4)),
    "held but for four rows": lambda: sensed(np.column_stack([drawn(1), np.arange(600) > 4])),
}
ALLOWED: dict[str, Callable[[], Dataset]] = {
    "independent": lambda: sensed(drawn(3)),
    "few switches": lambda: sensed(switched(20, 20, 6)),
    "five switches": lambda: sensed(switched(5, 5)),
    "held": lambda: sensed(held_for(20, 12)),
    "held once": lambda: sensed(held_for(200, 1)),
    "no row is quiet": lambda: sensed(np.random.default_rng(3).random((600, 3)) < 0.9),
    "a variable that is never acted on": lambda: sensed(np.column_stack([drawn(2), np.zeros(600, bool)])),
    "ten steps": lambda: sensed(at(11, [1, 2, 3, 4, 5], [2, 4, 6, 8, 10])),
}


@pytest.mark.parametrize("why", ERRORS)
def test_what_inspection_calls_an_error_is_refused_by_its_sentence(why: str, tmp_path: Path) -> None:
    data = ERRORS[why]()
    errors = trisect.inspect(data).at("error")
    with pytest.raises(ValueError, match="must be") as raised:
        trisect.train(closed_form(), data, tmp_path / "run", progress=False)
    said = str(raised.value)
    assert not (tmp_path / "run").exists()
    assert errors and any(quoted(error.consequence, said) or error.what in said for error in errors)
    if len(errors) == 1:
        assert quoted(errors[0].consequence, said) or said.startswith("the data to train on must be without errors")


def quoted(consequence: str, said: str) -> bool:
    """Whether a consequence quotes a refusal that was said, apart from what to do."""
    quote = consequence.partition("training refuses: ")[2]
    return bool(quote) and said.startswith(quote)


@pytest.mark.parametrize("why", ALLOWED)
def test_what_inspection_lets_pass_is_trained_on(why: str, tmp_path: Path) -> None:
    data = ALLOWED[why]()
    assert trisect.inspect(data).at("error") == ()
    trisect.train(closed_form(), data, tmp_path / "run", progress=False)


def test_three_devices_of_a_mains_meter_are_allowed(shared: Path, tmp_path: Path) -> None:
    """They were switched 20, 20 and 6 times: few, but enough to go on."""
    if not (shared / "real").is_dir():
        pytest.skip(f"no recordings of sensors: {shared}/real is not there; set TRISECT_SHARED")
    arrays = np.load(shared / "real" / "mains_meter.npz")
    space = anonymous([str(name) for name in arrays["names"]])
    whole = Recording(arrays["vectors"], arrays["targets"], space, episode_starts=arrays["starts"])
    data = Dataset({"train": whole, "val": whole.episodes(np.arange(3))})
    assert trisect.inspect(data).at("error") == ()
    suitability.require_trainable({"train": whole, "val": data.recording("val")}, data.targeted)
    assert suitability.findings_on(data, despite_errors=False)
