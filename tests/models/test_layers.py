from __future__ import annotations

import numpy as np
import pytest
import torch

from trisect.models import available, pretrained
from trisect.models.layers import row_major

ROWS = np.arange(12.0).reshape(3, 4)


@pytest.mark.parametrize(
    "values",
    [
        ROWS,
        ROWS.T,
        ROWS[::-1],
        ROWS[:, :1].T,
        ROWS[::2, 1::2],
        torch.from_numpy(ROWS).T,
        torch.from_numpy(ROWS).float(),
        torch.from_numpy(ROWS.copy()).T[:, :1],
    ],
)
def test_a_row_major_tensor_keeps_the_values_but_not_the_layout(values) -> None:
    copied = row_major(values)
    assert copied.dtype == torch.float32 and copied.tolist() == values.tolist()
    assert copied.stride() == torch.empty(copied.shape).stride() and copied.data_ptr() % 64 == 0
    copied.zero_()
    assert float(abs(ROWS).sum()) == 66


def test_a_number_becomes_a_tensor_without_axes() -> None:
    assert row_major(0.5).shape == () and float(row_major(0.5)) == 0.5


@pytest.mark.parametrize("name", available())
def test_shipped_models_are_stored_row_by_row(name: str) -> None:
    for key, tensor in pretrained(name).state_dict().items():
        assert tensor.stride() == torch.empty(tensor.shape).stride(), key
