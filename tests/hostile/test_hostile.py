"""A stranger's file can neither run code, nor hang, nor fill the memory, nor change a value unseen."""

from __future__ import annotations

from typing import Any

import pytest
from tests.hostile import samples
from tests.hostile.attacks import FEW, SURVIVED, outcomes, table

KINDS = ("npz", "npy", "safetensors", "checkpoint", "meta.json", "run.json", "finished.json", "model.json", "YAML")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The outcomes of all attacks, tried in one process of their own."""
    return outcomes(samples.make(tmp_path_factory.mktemp("samples")), *FEW, seconds=900)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_hostile_file_gives_one_sentence_or_the_right_value(found, kind) -> None:
    of_kind = [each for each in found if each["kind"].split(":")[0].split(" ")[0] == kind]
    assert len(of_kind) >= 30
    assert not [each for each in of_kind if each["outcome"] not in SURVIVED]


@pytest.mark.slow
def test_all_attacks_were_tried(found) -> None:
    assert {each["kind"].split(":")[0].split(" ")[0] for each in found} == {*KINDS}
    assert len(found) > 1000
    assert table(found).splitlines()[-1].split() == ["all", str(len(found)), "0"]
    assert {each["outcome"] for each in found} == {*SURVIVED}  # some attacks change nothing that is read


@pytest.mark.slow
def test_a_sentence_is_short_and_printable(found) -> None:
    messages = [each["message"] for each in found if each["outcome"] == "sentence"]
    assert all(len(message) < 520 and message.isprintable() for message in messages)
