"""Properties of everything that is made from plain values: it is what it was made from, or one sentence says why not.

``HYPOTHESIS_PROFILE=faults`` tries 400 examples of each.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from beartype.roar import BeartypeCallHintParamViolation
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from tests.hostile.array_attacks import zipped
from tests.hostile.text_attacks import mutated, paths_of

from trisect import archives, sealed
from trisect.batches import LossTerms, ParameterGroup, SequenceBatch
from trisect.commands.config_file import check_configs
from trisect.data.convert.npz import NpzReader
from trisect.graph import check_graph
from trisect.methods.table import recipe_from_json
from trisect.models.assignment import Assignment
from trisect.models.closed_form.identify import ClosedFormSettings
from trisect.models.flows.factory import FlowSettings
from trisect.models.priors.factory import INTERVENTIONS, PRIOR_KINDS, PriorSettings, prior_for
from trisect.models.representations.autoencoder_settings import AutoencoderSettings
from trisect.models.target_classifier import TargetClassifierSettings
from trisect.recipes import RECIPES
from trisect.training.settings import TrainingSettings

METHODS = sorted(name for name in RECIPES if name != "causal-encoder")
numbers = st.integers(-(2**70), 2**70) | st.floats() | st.integers(0, 64) | st.floats(0, 1)
leaves = st.none() | st.booleans() | numbers | st.text(max_size=20)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


def is_sentence(error: Exception) -> bool:
    """Whether a message follows the grammar of error messages, or is a plain sentence, in one printable line."""
    return isinstance(error, ValueError | TypeError) and str(error).isprintable() and 10 < len(str(error)) < 1000


def same(a: Any, b: Any) -> bool:
    return repr(a) == repr(b)


@given(name=st.sampled_from(METHODS), data=st.data())
def test_a_recipe_with_another_value_comes_back_or_is_refused(name, data) -> None:
    stored = RECIPES[name]().to_json()
    place = data.draw(st.sampled_from(list(paths_of(stored))))
    changed = mutated(stored, place, data.draw(values))
    try:
        recipe = recipe_from_json(changed)
    except ValueError as error:
        assert is_sentence(error) and ("must be" in str(error) or "cannot" in str(error))
        return
    again = recipe_from_json(json.loads(json.dumps(recipe.to_json())))
    assert same(again, recipe) and same(again.to_json(), recipe.to_json())


def varied(settings: Any, draw: Callable[..., Any]) -> Any:
    """The settings with other values of the same types, at any depth."""
    changes: dict[str, Any] = {}
    for field in fields(settings):
        value = getattr(settings, field.name)
        if is_dataclass(value):
            changes[field.name] = varied(value, draw)
        elif isinstance(value, bool):
            changes[field.name] = draw(st.booleans())
        elif isinstance(value, int):
            changes[field.name] = draw(st.sampled_from([value, value + 2, value * 2]))
        elif isinstance(value, float):
            changes[field.name] = draw(st.sampled_from([value, value / 2, value / 3]))
    return replace(settings, **changes)


@given(name=st.sampled_from(METHODS), data=st.data())
def test_any_recipe_comes_back_from_json(name, data) -> None:
    recipe = varied(RECIPES[name](), data.draw)
    assert recipe_from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


@given(name=st.sampled_from(METHODS), data=st.data())
def test_any_recipe_can_be_written_as_a_file_of_options(name, data, tmp_path_factory) -> None:
    file = tmp_path_factory.mktemp("options") / "options.yaml"
    file.write_text(yaml.safe_dump(varied(RECIPES[name](), data.draw).to_json()))
    check_configs(["--config", str(file)])


SETTINGS = (PriorSettings, FlowSettings, TrainingSettings, AutoencoderSettings, ClosedFormSettings)


@pytest.mark.parametrize("cls", [*SETTINGS, TargetClassifierSettings])
@given(data=st.data())
def test_settings_hold_what_they_are_given_or_refuse_it(cls, data) -> None:
    name = data.draw(st.sampled_from([field.name for field in fields(cls)]))
    value = data.draw(leaves)
    assume(not is_dataclass(getattr(cls(), name)))
    try:
        made = cls(**{name: value})
    except BeartypeCallHintParamViolation:
        return  # of the annotation; a value from a file is checked by `settings_from_json`
    except (ValueError, TypeError) as error:
        assert is_sentence(error) and "must be" in str(error)
        return
    assert same(getattr(made, name), value)


@given(npst.arrays(st.sampled_from([bool, np.uint8, np.int64, np.float64]), npst.array_shapes(min_dims=0, max_side=4)))
def test_a_graph_is_a_square_of_zeros_and_ones(array) -> None:
    is_graph = array.ndim == 2 and array.shape[0] == array.shape[1] and bool(((array == 0) | (array == 1)).all())
    try:
        graph = check_graph(array)
    except ValueError as error:
        assert not is_graph and is_sentence(error)
        return
    assert is_graph and graph.dtype == bool and np.array_equal(graph, array == 1)


@given(
    st.integers(1, 6),
    st.integers(1, 4),
    st.sampled_from(PRIOR_KINDS),
    st.sampled_from(INTERVENTIONS),
    st.integers(1, 8),
)
def test_priors_of_any_size_give_finite_costs(num_latents, num_variables, kind, interventions, hidden) -> None:
    prior = prior_for(PriorSettings(interventions, hidden, kind), num_latents, num_variables)
    before, after = torch.randn(2, 5, num_latents)
    targets = torch.randint(0, 2, (5, num_variables)).float()
    psi = torch.eye(num_variables + 1)[torch.arange(num_latents) % (num_variables + 1)]
    cost = prior.expected_nll(before[:, None], after[:, None], targets, psi)
    assert cost.shape == (5, num_latents, num_variables + 1) and bool(torch.isfinite(cost).all())


@given(st.integers(1, 8), st.integers(1, 5), st.lists(st.integers(-2, 8), max_size=8))
def test_an_assignment_freezes_one_slot_per_latent(num_latents, num_variables, slots) -> None:
    assignment = Assignment(num_latents, num_variables)
    fits = len(slots) == num_latents and all(0 <= slot <= num_variables for slot in slots)
    try:
        assignment.freeze(slots)
    except ValueError as error:
        assert not fits and is_sentence(error)
        assert torch.allclose(assignment.probs().sum(1), torch.ones(num_latents))
        return
    assert fits and assignment.is_frozen and assignment.hard().argmax(1).tolist() == slots


@given(
    st.lists(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=5), min_size=1, max_size=4), st.booleans()
)
def test_a_loss_is_the_sum_of_the_means_of_its_terms(rows, with_nan) -> None:
    terms = LossTerms(**{f"term{i}": torch.tensor(row) for i, row in enumerate(rows)})
    assert float(terms.total()) == pytest.approx(sum(np.mean(row) for row in rows), rel=1e-3, abs=1.0)
    more = LossTerms(**terms, last=torch.tensor([0.0, float("nan") if with_nan else 0.0]))
    assert more.first_non_finite() == ("last" if with_nan else None)


@given(st.integers(1, 4), st.integers(2, 5), st.integers(1, 3))
def test_a_batch_on_its_own_device_is_itself(size, time, variables) -> None:
    batch = SequenceBatch(torch.zeros(size, time, 3), torch.zeros(size, time - 1, variables))
    assert batch.to("cpu") is batch and len(batch) == size


@given(leaves, leaves)
def test_a_parameter_group_takes_rates_in_range(factor, decay) -> None:
    def fits(value: Any, low: float, high: float) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high

    right = fits(factor, 0, 1e6) and factor > 0 and fits(decay, 0, 1)
    try:
        ParameterGroup("group", [], factor, decay)
    except ValueError as error:
        assert not right and is_sentence(error)
        return
    assert right


@given(content=st.binary(max_size=400), noise=st.binary(max_size=40), at=st.integers(0, 2000))
def test_an_archive_of_any_bytes_is_refused_or_reads_as_it_was_written(content, noise, at, tmp_path_factory) -> None:
    file = tmp_path_factory.mktemp("zip") / "a.zip"
    data = bytearray(zipped([("one", content), ("two", b"2" * 50)]))
    data[at % len(data) : at % len(data) + len(noise)] = noise
    file.write_bytes(data)
    try:
        with archives.opened(file, "a zip archive") as archive:
            for info in archive.infolist():
                with archives.undamaged("a member"):
                    read = archive.read(info)
                assert info.filename != "one" or read == content
    except ValueError as error:
        assert is_sentence(error)


plain_types = (
    npst.boolean_dtypes() | npst.integer_dtypes() | npst.floating_dtypes() | npst.unicode_string_dtypes(max_len=5)
)


@given(array=npst.arrays(plain_types, npst.array_shapes(min_dims=0, max_side=5)))
def test_an_array_comes_back_from_an_npz(array, tmp_path_factory) -> None:
    file = tmp_path_factory.mktemp("npz") / "a.npz"
    np.savez_compressed(file, a=array)
    reader = NpzReader(file)
    again = reader.read("a")
    assert (again.dtype, again.shape) == (array.dtype, array.shape) == (reader.dtype("a"), reader.shape("a"))
    assert again.tobytes() == array.tobytes()
    if array.ndim:
        assert b"".join(block.tobytes() for block in reader.rows("a")) == array.tobytes()


@given(content=st.dictionaries(st.text(max_size=8), values, max_size=4), share=st.floats(0, 1, exclude_max=True))
def test_a_sealed_object_comes_back_and_a_changed_byte_is_noticed(content, share, tmp_path_factory) -> None:
    assume(not {"sealed", "sha256"} & content.keys())
    file = tmp_path_factory.mktemp("json") / "a.json"
    sealed.write_json(file, content)
    assert same(sealed.read_json(file), content)
    data = bytearray(file.read_bytes())
    data[int(share * len(data))] ^= 1
    file.write_bytes(data)
    try:
        again = sealed.read_json(file)
    except ValueError as error:
        assert is_sentence(error)
        return
    assert same(again, content)
