from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trisect.models.representations.external import ExternalRepresentation, check_repeats, latents_by
from trisect.models.representations.frozen import as_latents, call, evaluation_mode, owner

SHAPE = (3, 4, 4)


def frames(num: int = 6) -> Tensor:
    return torch.rand(num, *SHAPE, generator=torch.Generator().manual_seed(0)) * 2 - 1


def first_pixels(x: Tensor) -> Tensor:
    return x.flatten(1)[:, :5]


def by(encoder, **options) -> ExternalRepresentation:
    return ExternalRepresentation(encoder, options.pop("decoder", None), options.pop("num_latents", 5), SHAPE)


def test_latents_are_what_the_encoder_returns() -> None:
    assert torch.equal(by(first_pixels).encode(frames()), first_pixels(frames()))
    assert torch.equal(by(lambda x: first_pixels(x).numpy()).encode(frames()), first_pixels(frames()))
    assert by(lambda x: first_pixels(x).double()).encode(frames()).dtype == torch.float32


class Noisy(nn.Module):
    """Dropout after a linear map: random in training mode."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(48, 5), nn.Dropout(0.5))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def features(self, x: Tensor) -> Tensor:
        return self.net[:2](x)


def test_a_module_runs_in_evaluation_mode_without_gradients_and_keeps_its_mode() -> None:
    module = Noisy().train()
    z = by(module).encode(frames())
    assert not z.requires_grad
    assert torch.equal(z, module.features(frames()))
    assert all(part.training for part in module.modules())
    assert all(parameter.requires_grad for parameter in module.parameters())


def test_a_module_is_neither_trained_nor_saved() -> None:
    representation = by(Noisy())
    assert not list(representation.parameters()) and not representation.state_dict()


def test_the_owner_of_a_method_is_its_module() -> None:
    module = Noisy()
    assert owner(module) is owner(module.features) is module
    assert owner(first_pixels) is None


def test_inputs_go_where_the_weights_are() -> None:
    module = Noisy().to("meta")
    assert call(module, frames()).device.type == "meta"


def test_the_mode_is_restored_after_an_error() -> None:
    module = Noisy().train()
    with pytest.raises(KeyError), evaluation_mode(module):
        raise KeyError
    assert module.training


def nan(x: Tensor) -> Tensor:
    return torch.where(torch.arange(len(x))[:, None] == 2, torch.nan, first_pixels(x))


@pytest.mark.parametrize(
    ("encoder", "error", "message"),
    [
        (lambda x: x, ValueError, r"shape of the output of the encoder must be \(batch, latents\); got \(6, 3, 4, 4\)"),
        (lambda x: first_pixels(x)[1:], ValueError, "must be one row per observation; got 5 rows for 6 observations"),
        (nan, ValueError, "the output of the encoder must be finite; got .*nan.* in row 2"),
        (
            lambda x: (first_pixels(x), x),
            TypeError,
            "a tensor or an array; got tuple; return only the latents",
        ),
        (lambda x: x.flatten(1)[:, :4], ValueError, "latents that the encoder returns must be always 5; got 4"),
    ],
)
def test_wrong_outputs_get_a_sentence(encoder, error, message) -> None:
    with pytest.raises(error, match=message):
        by(encoder).encode(frames())


def test_frames_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"observations must be of shape \(batch, 3, 4, 4\); got \(2, 3, 5, 5\)"):
        by(first_pixels).encode(torch.zeros(2, 3, 5, 5))


def test_decoding_needs_a_decoder() -> None:
    assert not by(first_pixels).decodes
    with pytest.raises(ValueError, match="decoder of this model must be given, to decode latents; got none; pass dec"):
        by(first_pixels).decode(torch.zeros(2, 5))


def test_decoded_frames_come_from_the_decoder() -> None:
    torch.manual_seed(0)
    decoder = nn.Sequential(nn.Linear(5, 48), nn.Unflatten(1, SHAPE))
    z = torch.randn(2, 5, requires_grad=True)
    representation = by(first_pixels, decoder=decoder)
    assert representation.decodes
    decoded = representation.decode(z)
    assert torch.equal(decoded, decoder(z))
    decoded.sum().backward()
    assert z.grad is not None


@pytest.mark.parametrize(
    ("decoder", "message"),
    [
        (lambda z: z, r"output of the decoder must be a tensor of shape \(2, 3, 4, 4\); got \(2, 5\)"),
        (lambda z: z.numpy(), r"a tensor of shape \(2, 3, 4, 4\); got ndarray"),
        (lambda z: torch.full((2, *SHAPE), torch.nan), "output of the decoder must be finite"),
    ],
)
def test_wrong_decoders_get_a_sentence(decoder, message) -> None:
    with pytest.raises(ValueError, match=message):
        by(first_pixels, decoder=decoder).decode(torch.zeros(2, 5))


def repeats(encoder) -> Tensor:
    return check_repeats(lambda x: latents_by(encoder, x), frames())


def test_latents_that_change_between_calls_are_refused() -> None:
    assert torch.equal(repeats(first_pixels), first_pixels(frames()))
    with pytest.raises(ValueError, match="latents of a frame must be the same in every call; got a difference of"):
        repeats(lambda x: first_pixels(x) + torch.randn(len(x), 5))
    with pytest.raises(ValueError, match="of a frame must be the same in every batch; got .* in a batch of another"):
        repeats(lambda x: first_pixels(x) - first_pixels(x).mean(0))
    with pytest.raises(ValueError, match="number of latents that the encoder returns must be always 6; got 3"):
        repeats(lambda x: x.flatten(1)[:, : len(x)])


def test_a_vector_encoder_needs_no_pixels() -> None:
    double = ExternalRepresentation(lambda x: 2 * x, lambda z: z / 2, 4, (4,))
    x = torch.randn(3, 4)
    assert torch.allclose(double.decode(double.encode(x)), x)


def test_latents_may_be_an_array_of_whole_numbers() -> None:
    assert as_latents(np.ones((2, 3), dtype=np.int64), 2, "it").dtype == torch.float32
