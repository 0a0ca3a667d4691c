from __future__ import annotations

import pytest
import torch
from torch import Tensor

from trisect.models.networks.factory import decoder_for, encoder_for
from trisect.models.networks.variational import VariationalEncoder
from trisect.models.networks.vector import VectorDecoder, VectorEncoder
from trisect.models.representations.variational import VariationalFrames, VariationalVectors
from trisect.models.shapes import FrameShape

SHAPE = FrameShape(2, 5, 6)


def frames(num: int = 40) -> Tensor:
    return 2 * torch.rand(num, 2, 5, 6, generator=torch.Generator().manual_seed(0)) - 1


def image_pair(foreground: float) -> VariationalFrames:
    torch.manual_seed(0)
    encoder = encoder_for(SHAPE, 3, "profile", 8, variational=True)
    assert isinstance(encoder, VariationalEncoder)
    return VariationalFrames(SHAPE, encoder, decoder_for(SHAPE, 3, "profile", 8), foreground)


def test_the_error_is_a_sum_over_pixels() -> None:
    pair, x = image_pair(0.0), frames()
    pair.initialise(x)
    decoded = torch.zeros_like(x)
    expected = torch.stack([(frame**2).sum() for frame in x])
    assert torch.allclose(pair.squared_error(decoded, x), expected, rtol=1e-5)


def test_the_foreground_is_what_differs_from_the_median() -> None:
    pair, x = image_pair(3.0), frames(41)
    pair.initialise(x)
    median = x.sort(dim=0).values[20]
    weights = pair.weights(x)
    assert torch.allclose(weights, 1 + 3 * (x - median).abs())
    assert torch.equal(pair.weights(median.unsqueeze(0)), torch.ones(1, 2, 5, 6))
    expected = (weights * (x - 0.5) ** 2).sum(dim=(1, 2, 3))
    assert torch.allclose(pair.squared_error(torch.full_like(x, 0.5), x), expected, rtol=1e-5)


@torch.no_grad()
def test_encoding_is_the_mean_and_log_std_is_bounded() -> None:
    pair, x = image_pair(0.0), frames()
    mean, log_std = pair.posterior(1e4 * x)
    assert torch.equal(pair.encode(1e4 * x), mean)
    assert float(log_std.abs().max()) <= 4
    assert pair.decode(mean).shape == x.shape


def test_errors_of_vectors_count_in_their_deviations() -> None:
    x = torch.randn(100, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 100.0, 0.01])
    encoder = VariationalEncoder(VectorEncoder(3, 4, 8), 2)
    pair = VariationalVectors(3, encoder, VectorDecoder(3, 2, 8))
    pair.initialise(x)
    error = pair.squared_error(x.mean(dim=0).expand_as(x), x)
    assert float(error.mean()) == pytest.approx(3.0, rel=1e-4)


def test_observations_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"frames must be \(batch, 2, 5, 6\); got \(4, 2, 6, 5\)"):
        image_pair(0.0).posterior(torch.zeros(4, 2, 6, 5))
    with pytest.raises(ValueError, match="the weight of the foreground must be a number"):
        image_pair(-1.0)
