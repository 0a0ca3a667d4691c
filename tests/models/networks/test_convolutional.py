"""The convolutional pair: any size, sub-pixel positions in either precision, latents that are linear in positions."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from trisect.batches import SequenceBatch, Step
from trisect.models.networks.convolutional import (
    LOGIT_DEVIATION,
    REACH,
    ConvEncoder,
    CoordinateDecoder,
    SpatialSoftArgmax,
    cell_grid,
    num_halvings,
)
from trisect.models.networks.factory import NetworkOptions, decoder_for, encoder_for
from trisect.models.networks.network import ImageNetwork
from trisect.models.representations.autoencoder import Autoencoder
from trisect.models.representations.autoencoder_settings import AutoencoderSettings
from trisect.models.shapes import FrameShape

SIZES = [(24, 40), (64, 64), (100, 76), (17, 17), (8, 8), (4, 5)]
LATENTS = 5
anything = pytest.mark.parametrize("size", SIZES)
in_both_precisions = pytest.mark.parametrize("bf16", [False, True])


def frames(shape: FrameShape, num: int = 6, seed: int = 0) -> Tensor:
    size = (num, shape.channels, shape.height, shape.width)
    return 2 * torch.rand(size, generator=torch.Generator().manual_seed(seed)) - 1


def encoder(shape: FrameShape, seed: int = 0) -> ConvEncoder:
    torch.manual_seed(seed)
    network = encoder_for(shape, LATENTS, "conv", 16)
    assert isinstance(network, ConvEncoder)
    return network


def decoder(shape: FrameShape, seed: int = 0) -> CoordinateDecoder:
    torch.manual_seed(seed)
    network = decoder_for(shape, LATENTS, "conv", 16)
    assert isinstance(network, CoordinateDecoder)
    return network


def blobs(places: Tensor, height: int, width: int, radius: float = 1.5) -> Tensor:
    """One bright, round blob per frame at (row, column) in pixels, (N, 1, height, width)."""
    rows = torch.arange(height).sub(places[:, :1]).square()
    columns = torch.arange(width).sub(places[:, 1:]).square()
    return 2 * torch.exp(-(rows[:, :, None] + columns[:, None]) / (2 * radius**2))[:, None] - 1


def places(num: int, height: int, width: int, margin: float, seed: int = 0) -> Tensor:
    """Random (row, column), in pixels, at least the margin away from the border."""
    size = torch.tensor([height, width])
    share = torch.rand(num, 2, generator=torch.Generator().manual_seed(seed))
    return margin + share * (size - 1 - 2 * margin)


@anything
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_any_size_is_drawn_at_its_size(size: tuple[int, int], channels: int) -> None:
    shape = FrameShape(channels, *size)
    ours, theirs, x = encoder(shape), decoder(shape), frames(shape)
    ours.initialise(x)
    z = ours(x)
    assert z.shape == (6, LATENTS) and theirs(z).shape == x.shape
    assert z.std(dim=0).min() > 1e-4  # frames differ, so do their latents


@pytest.mark.parametrize(
    ("size", "halvings"), [((4, 5), 1), ((32, 32), 1), ((24, 40), 1), ((64, 64), 2), ((60, 130), 3)]
)
def test_larger_frames_are_halved_more_often(size: tuple[int, int], halvings: int) -> None:
    """The cost of the later layers, and the share of the picture that a cell covers, stay about the same."""
    shape = FrameShape(3, *size)
    network = encoder(shape)
    assert num_halvings(shape) == halvings
    maps = network.maps(network.centred(frames(shape)))
    assert maps.shape[2:] == network.cells == tuple(-(-side // 2**halvings) for side in size)


def test_the_grid_is_in_reading_order() -> None:
    grid = cell_grid(3, 5)
    assert torch.allclose(grid[:5, 0], torch.tensor(-REACH)) and torch.allclose(grid[::5, 1], torch.tensor(-REACH))
    assert torch.allclose(grid[4], torch.tensor([-REACH, REACH])) and torch.allclose(grid[7], torch.zeros(2))


@in_both_precisions
def test_a_peak_between_cells_is_located(bf16: bool) -> None:
    """With logits that fall with the squared distance from a place, the keypoint is there to 0.005 of a cell.

    This holds for logits in full precision; with bfloat16 maps the error is up to 0.05 of a cell.
    """
    height, width = 12, 20
    expected = places(200, height, width, margin=3)
    maps = torch.log(blobs(expected, height, width, radius=1.0).add(1).div(2).clamp(min=1e-30))
    locate = SpatialSoftArgmax(1, 1, cell_grid(height, width))
    torch.nn.init.ones_(locate.logits.weight)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        positions, features = locate(maps.bfloat16() if bf16 else maps)
    assert positions.shape == (200, 1, 2) and features.shape == (200, 1, 1) and positions.dtype == torch.float32
    cells = (positions[:, 0] / REACH + 1) / 2 * (torch.tensor([height, width]) - 1)
    assert (cells - expected).abs().max() < (0.05 if bf16 else 0.005)


def test_features_are_read_at_the_keypoint() -> None:
    """A second map of planted values is read at the peak of the first one."""
    at = torch.tensor([[2.0, 3.0], [5.0, 6.0]])
    maps = torch.cat([blobs(at, 8, 9, radius=0.3), torch.randn(2, 1, 8, 9)], dim=1)
    locate = SpatialSoftArgmax(2, 1, cell_grid(8, 9))
    with torch.no_grad():
        locate.logits.weight.copy_(torch.tensor([[50.0, 0.0]]))
        positions, features = locate(maps)
    assert torch.allclose(features[:, 0, 1], torch.stack([maps[0, 1, 2, 3], maps[1, 1, 5, 6]]), atol=1e-3)
    assert torch.allclose(positions[:, 0], cell_grid(8, 9)[[2 * 9 + 3, 5 * 9 + 6]], atol=1e-3)


@in_both_precisions
@pytest.mark.parametrize("size", [(24, 40), (64, 64)])
def test_keypoints_locate_blobs_linearly_before_training(size: tuple[int, int], bf16: bool) -> None:
    """A linear map of untrained keypoints' positions gives held-out blobs' places to 0.12 of a cell (RMS)."""
    height, width = size
    torch.manual_seed(0)
    ours = ConvEncoder(FrameShape(1, height, width), LATENTS)
    expected = places(600, height, width, margin=4)
    x = blobs(expected, height, width, radius=2.0)
    ours.initialise(x)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        positions, _ = ours.keypoints(ours.maps(ours.centred(x)))
    inputs = torch.cat([positions.flatten(1), torch.ones(len(x), 1)], dim=1)
    fitted = torch.linalg.lstsq(inputs[:300], expected[:300]).solution
    cell = 2 ** num_halvings(FrameShape(1, height, width))
    assert (inputs[300:] @ fitted - expected[300:]).square().mean().sqrt() / cell < 0.12


@in_both_precisions
@anything
def test_gradient_reaches_everything(size: tuple[int, int], bf16: bool) -> None:
    shape = FrameShape(3, *size)
    x = frames(shape)
    for module, inputs in ((encoder(shape), x), (decoder(shape), torch.randn(6, LATENTS))):
        module.initialise(x)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            outputs = module(inputs)
        outputs.float().square().sum().backward()
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all() and parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("make", [encoder, decoder])
def test_the_same_seed_gives_the_same_weights(make) -> None:
    shape = FrameShape(3, 24, 40)
    first, again, other = (make(shape, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(value, again[name]) for name, value in first.items())
    assert any(not torch.equal(value, other[name]) for name, value in first.items())


def test_the_state_is_complete() -> None:
    shape = FrameShape(3, 24, 40)
    ours, other, x = encoder(shape), encoder(shape, seed=1), frames(shape)
    ours.initialise(x)
    other.load_state_dict(ours.state_dict())
    assert torch.equal(ours(x), other(x))


def test_the_start_comes_from_frames() -> None:
    shape = FrameShape(3, 24, 40)
    ours, theirs, x = encoder(shape), decoder(shape), 0.1 * frames(shape) + 0.5
    ours.initialise(x)
    theirs.initialise(x)
    assert torch.equal(ours.mean, x.mean(0)) and torch.equal(theirs.bias, x.mean(0))
    logits = ours.keypoints.logits(ours.maps(ours.centred(x)).flatten(2).transpose(1, 2))
    assert float(logits.detach().std()) == pytest.approx(LOGIT_DEVIATION, rel=1e-4)


@torch.no_grad()
def test_phases_move_what_is_drawn() -> None:
    """Phases lowered by frequency . shift, with a shift of one row and two columns of patches, shift the picture."""
    theirs, z = decoder(FrameShape(2, 32, 48)), torch.randn(1, LATENTS)
    theirs.phases.weight.zero_()
    still = theirs(z)
    rows, columns = theirs.cells
    shift = torch.tensor([1 / (rows - 1), 2 / (columns - 1)]) * 2 * REACH
    theirs.phases.bias.sub_(shift @ theirs.frequencies)
    side = theirs.side
    assert torch.allclose(theirs(z)[..., side:, 2 * side :], still[..., :-side, : -2 * side], atol=1e-4)
    assert still.std() > 0.05


@pytest.mark.parametrize("name", ["keypoints", "maps", "waves"])
def test_options_are_checked(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} of image networks must be an integer of at least 1; got 0"):
        NetworkOptions(**{name: 0})


def test_options_reach_the_networks() -> None:
    shape, options = FrameShape(3, 24, 40), NetworkOptions(keypoints=3, maps=7, waves=9)
    ours: ImageNetwork = encoder_for(shape, LATENTS, "conv", 16, options=options)
    theirs = decoder_for(shape, LATENTS, "conv", 16, options)
    assert isinstance(ours, ConvEncoder) and isinstance(theirs, CoordinateDecoder)
    assert ours.keypoints.logits.weight.shape == (3, 7) and theirs.frequencies.shape == (2, 9)


@pytest.mark.slow
@pytest.mark.parametrize("networks", ["conv", "combined"])
def test_a_blob_is_learned_and_drawn_between_pixels(networks: str) -> None:
    """After 300 steps on a moving blob, the latents predict its place linearly to 0.4 pixels, and it is drawn there."""
    height, width = 16, 24
    torch.manual_seed(0)
    autoencoder = Autoencoder(FrameShape(1, height, width), 1, AutoencoderSettings(4, networks=networks, hidden=64))

    def batch(seed: int, num: int = 32) -> SequenceBatch:
        x = blobs(places(2 * num, height, width, margin=3, seed=seed), height, width)
        return SequenceBatch(x.unflatten(0, (num, 2)), torch.ones(num, 1, 1))

    autoencoder.initialise(batch(0, 200))
    optimiser = torch.optim.AdamW(autoencoder.parameters(), 4e-3)
    for k in range(300):
        optimiser.param_groups[0]["lr"] = 4e-3 * min(1, (k + 1) / 20, (301 - k) / 200)
        with torch.autocast("cpu", torch.bfloat16):
            total = autoencoder.loss(batch(k), Step(k, k / 300, torch.Generator().manual_seed(k))).total()
        total.backward()
        optimiser.step()
        optimiser.zero_grad()
    expected = places(600, height, width, margin=3, seed=1000)
    x = blobs(expected, height, width)
    with torch.no_grad():
        z = autoencoder.encode(x)
        drawn = autoencoder.decode(z)
    inputs = torch.cat([z, torch.ones(len(z), 1)], dim=1)
    fitted = torch.linalg.lstsq(inputs[:300], expected[:300]).solution
    error = (inputs[300:] @ fitted - expected[300:]).square().mean().sqrt()
    share = (drawn - x).square().mean() / (x - x.mean(dim=0)).square().mean()
    assert error < 0.4 and share < 0.05
