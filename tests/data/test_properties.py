"""Properties: what is valid survives saving and loading; what is not gets one sentence, never another exception."""

from __future__ import annotations

import json
import logging
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, scalar_dtypes

from trisect.data import from_arrays, load, save
from trisect.data.dataset import Dataset
from trisect.data.recording import Recording
from trisect.variables import Angle, Categorical, Continuous, VariableSpace, anonymous

LONGEST = 500
few = settings(
    max_examples=max(60, settings.default.max_examples),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


def names(number: int | None = None) -> st.SearchStrategy[list[str]]:
    """Lists of good names."""
    letters = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"])
    good = st.text(letters, min_size=1, max_size=100).filter(lambda name: name != "noise")
    low, high = (number, number) if number else (1, 5)
    return st.lists(good, min_size=low, max_size=high, unique=True)


def refused_or(make: Any) -> Any:
    """What the call gives, or None if it was refused with one short sentence."""
    try:
        return make()
    except (ValueError, TypeError) as error:
        sentence = str(error)
        assert "must be" in sentence and "\n" not in sentence and len(sentence) < LONGEST, sentence
        return None


def saved(data: Dataset) -> Dataset:
    with tempfile.TemporaryDirectory() as folder:
        loaded = load(save(data, Path(folder) / "data"))
        return Dataset(
            {
                name: Recording(
                    np.array(split.observations),
                    split.targets,
                    split.variables,
                    split.factors,
                    split.actions,
                    split.starts,
                )
                for name, split in loaded.items()
                if isinstance(split, Recording)
            }
        )


def same(one: Dataset, other: Dataset) -> bool:
    fields = ("observations", "targets", "factors", "actions", "starts")
    pairs = [(getattr(one[s], f), getattr(other[s], f)) for s in one for f in fields]
    return (
        list(one) == list(other)
        and one.variables == other.variables
        and all((a is None and b is None) or (a.dtype == b.dtype and np.array_equal(a, b)) for a, b in pairs)
    )


NUMBERS = st.floats(-1e15, 1e15, width=64)


@st.composite
def recordings(draw: st.DrawFn) -> dict[str, Any]:
    """Valid arguments of `from_arrays`."""
    num, variables = draw(st.integers(8, 40)), draw(names())
    size = (draw(st.integers(5, 9)), draw(st.integers(5, 9)), draw(st.sampled_from([1, 3])))
    frames = arrays(np.uint8, (num, *size)).map(lambda a: np.where(a == 1, 2, a).astype(np.uint8))
    dims = draw(st.integers(1, 4))
    types = st.sampled_from([np.float32, np.float64, np.dtype(">f8"), np.int32])
    vectors = arrays(np.float64, (num, dims), elements=st.floats(-1e6, 1e6)).flatmap(
        lambda a: types.map(lambda dtype: a.astype(dtype))
    )
    starts = sorted({0, *draw(st.sets(st.integers(1, num - 1), max_size=4))})
    return {
        "observations": draw(st.one_of(frames, vectors)),
        "targets": draw(arrays(bool, (num, len(variables)))),
        "variables": variables,
        "alignment": draw(st.sampled_from(["cause", "effect"])),
        "factors": draw(st.none() | arrays(np.float64, (num, len(variables)), elements=NUMBERS)),
        "episode_starts": draw(st.none() | st.just(np.array(starts))),
    }


@few
@given(recordings())
def test_valid_arrays_survive_saving_and_lose_no_row(arguments: dict[str, Any]) -> None:
    data = from_arrays(**arguments)
    assert same(data, saved(data))
    assert sum(len(split) for split in data.values()) == len(arguments["observations"])
    rows = np.concatenate([split.observations for split in data.values()])
    given_rows = arguments["observations"].astype(rows.dtype)
    assert sorted(row.tobytes() for row in rows) == sorted(row.tobytes() for row in given_rows)


junk_arrays = scalar_dtypes().flatmap(lambda dtype: arrays(dtype, array_shapes(min_dims=1, max_dims=5, max_side=6)))
junk = st.one_of(
    junk_arrays,
    st.none(),
    st.text(max_size=5),
    st.integers(),
    st.floats(),
    st.lists(st.lists(st.floats(), max_size=3), max_size=4),
    st.lists(st.text(max_size=2), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    junk_arrays.map(lambda a: np.ma.masked_array(a, mask=np.zeros(a.shape, bool) | (np.arange(a.shape[-1]) == 0))),
    junk_arrays.map(lambda a: a.astype(object)),
)


@few
@given(junk)
def test_any_observations_are_taken_or_refused_with_a_sentence(observations: Any) -> None:
    num = len(observations) if hasattr(observations, "__len__") else 3
    refused_or(lambda: from_arrays(observations, np.zeros((max(num - 1, 0), 1)), fractions={}))


@few
@given(junk, st.sampled_from(["cause", "effect", None]))
def test_any_targets_are_taken_or_refused_with_a_sentence(targets: Any, alignment: Any) -> None:
    refused_or(lambda: from_arrays(np.eye(5), targets, alignment=alignment, fractions={}))


@few
@given(st.sampled_from(["factors", "actions", "episode_starts", "episode_ids", "dones", "is_first", "terminals"]), junk)
def test_any_further_facts_are_taken_or_refused_with_a_sentence(name: str, values: Any) -> None:
    refused_or(lambda: from_arrays(np.eye(5), np.zeros((4, 1)), fractions={}, **{name: values}))


@few
@given(st.dictionaries(st.text(max_size=4), st.one_of(st.floats(), st.integers(), st.text(max_size=2)), max_size=3))
def test_any_fractions_are_taken_or_refused_with_a_sentence(fractions: dict[str, Any]) -> None:
    refused_or(lambda: from_arrays(np.eye(9), np.zeros((8, 1)), fractions=fractions))


@few
@given(junk_arrays, junk_arrays, junk_arrays | st.none(), junk_arrays | st.none())
def test_any_recording_is_made_or_refused_with_a_sentence(
    observations: Any, targets: Any, factors: Any, starts: Any
) -> None:
    made = refused_or(lambda: Recording(observations, targets, anonymous(["x"]), factors, episode_starts=starts))
    if made is not None:
        assert len(made.targets) == len(observations) and made.starts[0] == 0


ends = st.tuples(st.floats(-1e9, 0), st.floats(1, 1e9)) | st.just((-np.inf, np.inf))
kinds = st.one_of(ends, st.none(), st.integers(2, 100))


def space_of(labels: list[str], of: list[Any], first: int) -> VariableSpace:
    """A space of factors of these kinds, of which the first ones are one variable."""
    factors = [
        Angle(name) if kind is None else Continuous(name, *kind) if isinstance(kind, tuple) else Categorical(name, kind)
        for name, kind in zip(labels, of)
    ]
    cut = 1 + first % len(labels)
    return VariableSpace(factors, {labels[0]: labels[:cut]} | {name: [name] for name in labels[cut:]})


@few
@given(names(), st.lists(kinds, min_size=5, max_size=5), st.integers(0, 4))
def test_spaces_survive_json(labels: list[str], of: list[Any], first: int) -> None:
    space = space_of(labels, of, first)
    again = VariableSpace.from_json(json.loads(json.dumps(space.to_json())))
    assert again == space and again.names == space.names and hash(again) == hash(space)


words = st.one_of(st.text(max_size=3), st.none(), st.integers(), st.text(min_size=101, max_size=300), st.just("noise"))


@few
@given(st.one_of(st.lists(words, max_size=4), words))
def test_any_names_are_taken_or_refused_with_a_sentence(variables: Any) -> None:
    number = len(variables) if isinstance(variables, list) else 1
    refused_or(lambda: from_arrays(np.eye(9), np.zeros((8, max(1, number))), variables))


plain = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
entries = st.fixed_dictionaries(
    {"kind": st.sampled_from(["continuous", "angle", "categorical"]) | plain, "name": st.text(max_size=2) | plain},
    optional={"low": plain, "high": plain, "num_categories": plain},
)


@few
@given(plain | st.fixed_dictionaries({"factors": st.lists(entries, max_size=3) | plain, "groups": plain}))
def test_any_stored_space_is_read_or_refused_with_a_sentence(stored: Any) -> None:
    refused_or(lambda: VariableSpace.from_json(stored))
