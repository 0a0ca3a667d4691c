from __future__ import annotations

from typing import Any

import pytest

from trisect.training import TrainingSettings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps of TrainingSettings must be an integer of at least 1; got 0"),
        ({"warm_up": 1.5}, r"warm_up of TrainingSettings must be a number in \[0, 1\]; got 1.5"),
        ({"learning_rate": 0.0}, r"learning_rate of TrainingSettings must be a number in \(0, 1\]; got 0.0"),
        ({"clip": -1.0}, "clip of TrainingSettings"),
        ({"betas": (0.9, 1.0)}, "a beta of TrainingSettings must be below 1; got 1.0"),
        ({"betas": (0.9,)}, "betas of TrainingSettings must be two numbers"),
        ({"precision": "fp16"}, "precision of TrainingSettings must be one of 32, bf16; got 'fp16'"),
        ({"betas": 1.5}, r"betas of TrainingSettings must be two numbers, such as .*; got 1.5"),
        ({"betas": "ab"}, "betas of TrainingSettings must be two numbers, .*; got 'ab'"),
        ({"betas": None}, "betas of TrainingSettings must be two numbers, .*; got None"),
        ({"keep": "lasst"}, "did you mean 'last'"),
        ({"logger": "tensorbord"}, "did you mean 'tensorboard'"),
    ],
)
def test_every_field_is_checked(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainingSettings(**changes)


def test_only_fields_without_effect_may_change_on_resume() -> None:
    changed = TrainingSettings(checkpoint_every=7, log_every=7, keep="last", logger=None, accelerator="cpu")
    assert changed.decisive() == TrainingSettings().decisive()
    assert TrainingSettings(clip=None).decisive() != TrainingSettings().decisive()
