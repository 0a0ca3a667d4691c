from __future__ import annotations

import pytest
import torch
from torch import Tensor

from trisect.models.networks.vector import LinearAndMLP, VectorDecoder, VectorEncoder, deviation_of


def vectors(num: int = 200) -> Tensor:
    x = torch.randn(num, 3, generator=torch.Generator().manual_seed(0))
    return x * torch.tensor([1.0, 1000.0, 0.0]) + torch.tensor([5.0, -7.0, 2.0])


def test_units_do_not_matter_once_initialised() -> None:
    torch.manual_seed(0)
    encoder, x = VectorEncoder(3, 4, hidden=8), vectors()
    encoder.initialise(x)
    before = encoder(x)
    encoder.initialise(100 * x - 3)
    assert torch.allclose(encoder(100 * x - 3), before, atol=1e-4)
    assert before.shape == (200, 4)


def test_the_decoder_returns_units_of_the_vectors() -> None:
    torch.manual_seed(0)
    decoder, x = VectorDecoder(3, 2, hidden=8), vectors()
    z = torch.randn(50, 2)
    standard = decoder(z)
    decoder.initialise(x)
    assert torch.allclose(decoder(z), standard * deviation_of(x) + x.mean(0), rtol=1e-5)


def test_constant_features_keep_their_unit() -> None:
    assert deviation_of(vectors())[2] == 1.0
    assert deviation_of(vectors())[1] == pytest.approx(float(vectors()[:, 1].std(correction=0)))


@torch.no_grad()
def test_a_network_starts_close_to_linear() -> None:
    torch.manual_seed(0)
    network, x = LinearAndMLP(5, 6, 32), torch.randn(500, 5)
    curved = network(x) - network.linear(x)
    assert 0 < float(curved.std()) < 0.2 * float(network.linear(x).std())


def test_an_empty_vector_is_refused() -> None:
    with pytest.raises(ValueError, match="the length of an observed vector must be an integer of at least 1; got 0"):
        VectorEncoder(0, 2)
