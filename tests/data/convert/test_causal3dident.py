"""Temporal Causal3DIdent, fine and coarse, in files of the published form."""

from __future__ import annotations

import numpy as np
import pytest

from trisect.data import verify
from trisect.data.convert import convert
from trisect.variables import Categorical, VariableSpace

NAMES = ("x", "y", "z", "alpha", "beta", "gamma", "spot_rotation", "hue_object", "hue_spot", "hue_background")
NAMES = (*NAMES, "shape", "material")


@pytest.mark.parametrize("images", ["imgs", "images"])
def test_fine_files_keep_every_value(write, ident, tmp_path, images):
    train, triplets = ident(), ident(triplets=True)
    independent = ident(interventions=np.ones((40, 12)))
    for split, arrays in {"train": train, "test_indep": independent, "val_triplets": triplets}.items():
        folder = write(split, {images if key == "imgs" else key: value for key, value in arrays.items()}, "pong")
    data = convert(folder, tmp_path / "out")
    verify(tmp_path / "out")
    assert data.source["kind"] == data.source["converted_from"] == "causal3dident" and data.variables.names == NAMES
    recording = data.recording("train")
    assert np.array_equal(recording.observations, train["imgs"][..., :3])
    assert np.array_equal(recording.targets[1:], train["interventions"] == 1) and not recording.targets[0].any()
    assert np.array_equal(recording.factors, np.concatenate([train["raw_latents"], train["shape_latents"]], axis=1))
    assert data.recording("test_indep").num_episodes == 40 and not data.recording("test_indep").targets.any()
    mixed = data.triplets("val_triplets")
    assert np.array_equal(mixed.observations, triplets["imgs"][..., :3])
    assert np.array_equal(mixed.from_second, triplets["interventions"] == 1)
    assert np.array_equal(mixed.factors[..., :10], triplets["raw_latents"])


def test_in_triplets_a_mask_is_used_instead_of_interventions(write, ident, tmp_path):
    write("train", ident())
    arrays = ident(triplets=True)
    folder = write("test_triplets", {**arrays, "mask": 1 - arrays["interventions"]})
    data = convert(folder, tmp_path / "out")
    assert np.array_equal(data.triplets("test_triplets").from_second, arrays["interventions"] == 0)


def test_never_varying_columns_stay_variables(write, ident, tmp_path):
    data = convert(write("train", ident()), tmp_path / "out")
    assert data.targeted == tuple(name for name in NAMES if name not in ("gamma", "material"))
    assert data.variables.factors[10:] == (Categorical("shape", 7), Categorical("material", 2))


def test_coarse_files_have_one_position_and_one_rotation(write, ident, tmp_path, caplog):
    train, triplets = ident(coarse=True), ident(coarse=True, triplets=True)
    write("train", train)
    folder = write("test_triplets_coarse", triplets)
    data = convert(folder, tmp_path / "out")
    assert data.variables.names == ("pos", "rot", *NAMES[6:])
    assert data.variables.groups["rot"] == ("alpha", "beta", "gamma")
    targets = train["interventions"][:, [0, 3, *range(6, 12)]] == 1
    assert np.array_equal(data.recording("train").targets[1:], targets)
    mask = triplets["interventions"][:, [0, 3, *range(6, 12)]] == 1
    assert np.array_equal(data.triplets("test_triplets_coarse").from_second, mask)
    assert data.recording("train").factors.shape == (40, 12) and "pass group={} to keep them separate" in caplog.text
    apart = convert(folder, tmp_path / "apart", group={})
    assert apart.variables.names == NAMES


def test_coarse_folders_leave_out_triplets_that_mix_within_a_variable(write, ident, tmp_path, caplog):
    write("train", ident(coarse=True))
    write("test_triplets_coarse", ident(coarse=True, triplets=True))
    folder = write("test_triplets", ident(triplets=True))
    assert list(convert(folder, tmp_path / "out")) == ["train", "test_triplets_coarse"]
    assert "test_triplets is left out, because it mixes parts of joined variables" in caplog.text
    (folder / "test_triplets_coarse.npz").unlink()
    with pytest.raises(ValueError, match=r"for x, y, z must be the same within 'pos'; got \[.*\] in row \d"):
        convert(folder, tmp_path / "again")


def test_a_folder_is_recognised_by_its_content_not_its_name(write, boxes, tmp_path):
    folder = write("train", boxes(), "causal3d_time_dep_all7_conthue01_coarse")
    assert convert(folder, tmp_path / "out").source["kind"] == "ball_in_boxes"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"interventions": np.zeros((40, 12))}, "got 40 rows for 40 frames; if row t produced frame t"),
        ({"interventions": np.zeros((35, 12))}, "39 rows, one less than frames.* got 35 rows for 40 frames"),
        ({"interventions": np.zeros((39, 11))}, "one per name, 12: x, y, z, .*material; got 11 columns"),
        (
            {"interventions": np.full((39, 12), 0.7)},
            "the interventions of 'train.npz' must be 0 or 1; got 0.7 at row 0",
        ),
        ({"interventions": None}, "named imgs, interventions, raw_latents, shape_latents .* missing interventions"),
        ({"shape_latents": None}, "missing shape_latents"),
        ({"raw_latents": None}, "missing raw_latents"),
        ({"raw_latents": np.zeros((40, 9))}, "the columns of the raw_latents of 'train.npz' must be one per name, 10"),
        ({"raw_latents": np.zeros((39, 10))}, "of the same number of rows"),
        ({"raw_latents": np.full((40, 10), 2.5)}, r"latents of 'train.npz': factor 'x' must be in \[-2, 2\]; got 2.5"),
        ({"shape_latents": np.full((40, 2), 7)}, "factor 'shape' must be a whole number from 0 to 6"),
        ({"imgs": None}, "missing imgs"),
    ],
)
def test_faults_are_named(write, ident, tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        convert(write("train", ident(**changes)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_columns_that_are_named_are_matched_by_name(write, ident, tmp_path):
    arrays, order = ident(), np.random.default_rng(0).permutation(12)
    names = np.array(NAMES)[order]
    write("train", arrays)
    folder = write("val", {**arrays, "interventions": arrays["interventions"][:, order], "keys_targets": names})
    data = convert(folder, tmp_path / "out")
    assert np.array_equal(data.recording("val").targets, data.recording("train").targets)
    ten = {**arrays, "interventions": arrays["interventions"][:, :10], "keys_targets": np.array(NAMES[:10])}
    write("val", ten)
    with pytest.raises(ValueError, match=r"interventions of 'val.npz'.*not in both: material, shape"):
        convert(folder, tmp_path / "again")


def test_the_users_variables_may_join_factors(write, ident, tmp_path):
    factors = convert(write("train", ident()), tmp_path / "fine").variables.factors
    groups = {"where": NAMES[:3], **{name: [name] for name in NAMES[3:]}}
    data = convert(tmp_path / "in", tmp_path / "out", variables=VariableSpace(factors, groups))
    assert data.variables.names == ("where", *NAMES[3:])
    assert np.array_equal(data.recording("train").targets[1:, 0], ident()["interventions"][:, :3].any(axis=1))


def test_alpha_that_carries_information_is_kept(write, ident, tmp_path, caplog):
    frames = ident()["imgs"].copy()
    frames[7, 0, 0, 3] = 0
    data = convert(write("train", ident(imgs=frames)), tmp_path / "out")
    assert np.array_equal(data.recording("train").observations, frames)
    assert "alpha carries information, 0 to 255, and is kept" in caplog.text


def test_the_tutorial_names_stand_in_for_splits_only_without_train(write, ident, tmp_path, caplog):
    write("causal3d", ident(raw_latents=None, shape_latents=None))
    folder = write("data_slider", ident(interventions=np.zeros((40, 12))))
    assert list(convert(folder, tmp_path / "tutorial")) == ["train", "slider"]
    write("train", ident())
    assert list(convert(folder, tmp_path / "with_train")) == ["train"]
    assert "causal3d.npz is not converted" in caplog.text
