from __future__ import annotations

import json

import numpy as np
import pytest

from trisect.evaluation.active_units import THRESHOLD, ActiveUnits


@pytest.mark.parametrize(("kl", "active"), [([0.0, 0.0], 0), ([2.0, 0.011, 0.009, 0.0], 2), ([THRESHOLD], 0)])
def test_latents_above_the_threshold_are_counted(kl: list[float], active: int) -> None:
    assert ActiveUnits(np.array(kl), 1).num_active == active


def test_the_warning_says_what_to_do() -> None:
    (warning,) = ActiveUnits(np.array([1.0, 0.0, 0.0]), 2).warnings
    assert warning.startswith("posterior collapse: 1 of 3 latents carry more than 0.01 nats per frame, for 2 targeted")
    assert "lower beta (variational.beta)" in warning
    assert ActiveUnits(np.array([1.0, 0.2, 0.0]), 2).warnings == ()


def test_plain_types() -> None:
    units = ActiveUnits(np.array([1.5, 0.0], np.float32), 2)
    assert json.loads(json.dumps(units.to_json())) == {"kl": [1.5, 0.0], "active": 1, "threshold": 0.01}
    assert units.sentence == "1 of 2 latents carry more than 0.01 nats per frame."


def test_an_invalid_kl_is_refused() -> None:
    with pytest.raises(ValueError, match="the KL of the latents must be finite"):
        ActiveUnits(np.array([1.0, np.nan]), 1)
    with pytest.raises(ValueError, match=r"the shape of the KL of the latents must be \(any\)"):
        ActiveUnits(np.zeros((2, 2)), 1)
