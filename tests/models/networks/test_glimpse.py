"""The glimpse pair: the place of the glimpse, its colours, and cutting out and laying down to a fraction of a pixel.

See also test_any_frames.py.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from trisect.models.networks.factory import decoder_for, encoder_for
from trisect.models.networks.glimpse import GlimpseDecoder, GlimpseEncoder, cut_out, glimpse_side, lay_down
from trisect.models.shapes import FrameShape

SIZES = [(24, 40), (64, 64), (100, 76), (17, 17), (8, 8), (4, 5)]
LATENTS = 6


def pair(shape: FrameShape, seed: int = 0) -> tuple[GlimpseEncoder, GlimpseDecoder]:
    torch.manual_seed(seed)
    encoder, decoder = encoder_for(shape, LATENTS, "glimpse", 16), decoder_for(shape, LATENTS, "glimpse", 16)
    assert isinstance(encoder, GlimpseEncoder) and isinstance(decoder, GlimpseDecoder)
    return encoder, decoder


def blobs(places: Tensor, height: int, width: int) -> Tensor:
    """One bright blob per frame at (row, column) in pixels on a dark ground, (N, 1, height, width)."""
    rows = torch.arange(height).sub(places[:, :1]).square()
    columns = torch.arange(width).sub(places[:, 1:]).square()
    return 2 * torch.exp(-(rows[:, :, None] + columns[:, None]) / 8)[:, None] - 1


def pixels(height: int, width: int, num: int = 12) -> Tensor:
    """Random (row, column) in pixels, some way from the border."""
    share = torch.rand(num, 2, generator=torch.Generator().manual_seed(0))
    return 5 + share * (torch.tensor([height, width]) - 11)


def as_places(places: Tensor, height: int, width: int) -> Tensor:
    """Pixels as -1 to 1."""
    return 2 * places / (torch.tensor([height, width]) - 1) - 1


def test_a_glimpse_is_the_pixels_around_its_place() -> None:
    frames = torch.rand(2, 3, 20, 30)
    middle = torch.tensor([[7.5, 11.5], [8.5, 20.5]])
    glimpses = cut_out(frames, as_places(middle, 20, 30), 4)
    assert torch.allclose(glimpses[0], frames[0, :, 6:10, 10:14], atol=1e-5)
    assert torch.allclose(glimpses[1], frames[1, :, 7:11, 19:23], atol=1e-5)


def test_beyond_the_border_there_is_nothing() -> None:
    glimpses = cut_out(torch.ones(1, 1, 20, 20), torch.tensor([[-1.0, -1.0]]), 8)
    assert torch.allclose(glimpses[0, 0, 4:, 4:], torch.ones(4, 4)) and glimpses[0, 0, :3].abs().max() == 0


def test_laying_down_undoes_cutting_out() -> None:
    frames = torch.rand(2, 3, 20, 30)
    places = as_places(torch.tensor([[7.5, 11.5], [8.5, 20.5]]), 20, 30)
    laid = lay_down(cut_out(frames, places, 4), places, FrameShape(3, 20, 30))
    expected = torch.zeros_like(frames)
    expected[0, :, 6:10, 10:14], expected[1, :, 7:11, 19:23] = frames[0, :, 6:10, 10:14], frames[1, :, 7:11, 19:23]
    assert torch.allclose(laid, expected, atol=1e-5)


def test_a_glimpse_moves_by_fractions_of_a_pixel() -> None:
    """A smooth blob laid down a quarter of a pixel further on has its centre of mass there."""
    glimpse = blobs(torch.tensor([[7.5, 7.5]]), 16, 16).add(1)
    shape, rows = FrameShape(1, 32, 48), []
    for row in (15.5, 15.75):
        laid = lay_down(glimpse, as_places(torch.tensor([[row, 20.0]]), 32, 48), shape)[0, 0]
        rows.append(float((laid.sum(dim=1) * torch.arange(32)).sum() / laid.sum()))
    assert rows[0] == pytest.approx(15.5, abs=1e-3) and rows[1] - rows[0] == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("size", [(64, 64), (40, 64)])
def test_the_place_is_that_of_the_blob_and_is_two_latents(size: tuple[int, int]) -> None:
    shape, middle = FrameShape(1, *size), pixels(*size)
    encoder, _ = pair(shape)
    frames = blobs(middle, *size)
    encoder.initialise(blobs(pixels(*size, num=200), *size))
    places = encoder.places(frames)
    assert ((places - as_places(middle, *size)) * (torch.tensor(size) - 1) / 2).abs().max() < 1.0  # pixels
    assert torch.equal(encoder(frames)[:, :2], 2 * places)


def test_glimpses_have_sides_that_halve_twice() -> None:
    assert [glimpse_side(FrameShape(1, *size)) for size in SIZES] == [16, 24, 36, 8, 4, 4]


def test_a_place_and_a_glimpse_need_three_latents() -> None:
    for make in (encoder_for, decoder_for):
        with pytest.raises(ValueError, match="the latents of glimpse networks must be at least 3; got 2"):
            make(FrameShape(3, 24, 24), 2, "glimpse", 16)


def test_light_is_read_as_the_brightest_and_darkest_channel() -> None:
    """Frames whose channels change places are read with the same light."""
    shape, seen = FrameShape(3, 24, 24), []
    encoder, _ = pair(shape)
    encoder.glimpse[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    frames = torch.rand(5, 3, 24, 24)
    encoder(frames), encoder(frames.flip(1))
    one, other = seen
    assert one.shape[1] == 5 and torch.allclose(one[:, :3].flip(1), other[:, :3], atol=1e-4)
    assert torch.allclose(one[:, 3:], other[:, 3:], atol=1e-4)
    assert torch.equal(one[:, 3], one[:, :3].amax(dim=1)) and torch.equal(one[:, 4], one[:, :3].amin(dim=1))


def test_a_glimpse_is_drawn_as_light_times_colours_on_black() -> None:
    """With one colour for all layers, a black frame with a glimpse differs from black only along that colour."""
    _, decoder = pair(FrameShape(3, 24, 24))
    colour = torch.tensor([0.2, 1.0, 0.5])
    with torch.no_grad():
        decoder.colours.weight.zero_()
        decoder.colours.bias.copy_(colour.repeat(3))
        decoder.whole.patches.weight.zero_()
        decoder.whole.bias.fill_(-1.0)
        decoder.whole.patches.bias.zero_()
        light = decoder(torch.randn(6, LATENTS)) + 1
    assert light.abs().max() > 0.05
    unit = (colour / colour.norm())[:, None, None]
    along = (light * unit).sum(dim=1, keepdim=True) * unit
    assert torch.allclose(light, along, atol=1e-6)
