from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from trisect.batches import SequenceBatch, Step
from trisect.models.networks.profile import PROFILE_DEVIATION, ProfileEncoder
from trisect.models.representations.autoencoder import Autoencoder
from trisect.models.representations.autoencoder_settings import AutoencoderSettings
from trisect.models.representations.weighted_error import weighted_squared_error
from trisect.models.shapes import FrameShape

SETTINGS = AutoencoderSettings(num_latents=3, hidden=16, rank=4)
SIZES = [(48, 48), (64, 48), (100, 76), (17, 17), (8, 8), (4, 5)]


def make(shape: FrameShape, settings: AutoencoderSettings = SETTINGS, variables: int = 2) -> Autoencoder:
    torch.manual_seed(0)
    return Autoencoder(shape, variables, settings)


def frames(shape: FrameShape, num: int = 6, seed: int = 0) -> Tensor:
    size = (num, shape.channels, shape.height, shape.width)
    return 2 * torch.rand(size, generator=torch.Generator().manual_seed(seed)) - 1


def windows(shape: FrameShape, num: int = 6, seed: int = 0) -> SequenceBatch:
    observations = frames(shape, 2 * num, seed).unflatten(0, (num, 2))
    return SequenceBatch(observations, torch.tensor([[[0.0, 1.0]]]).repeat(num, 1, 1))


def step(seed: int = 0) -> Step:
    return Step(0, 0.0, torch.Generator().manual_seed(seed))


def test_the_weighted_error_and_its_gradient() -> None:
    decoded, x, weight = (frames(FrameShape(2, 4, 5), seed=seed).double() for seed in range(3))
    decoded.requires_grad_()
    error = weighted_squared_error(decoded, x, weight)
    assert torch.allclose(error, (weight * (decoded - x) ** 2).mean(dim=(1, 2, 3)))
    assert torch.autograd.gradcheck(lambda guess: weighted_squared_error(guess, x, weight), (decoded,))


@pytest.mark.parametrize("ground", ["pixel", "frame"])
def test_the_reconstruction_term_is_weighted_by_channel_and_by_what_stands_out(ground: str) -> None:
    shape, settings = FrameShape(2, 4, 5), replace(SETTINGS, foreground=3.0, ground=ground, latent_noise=0.0)
    autoencoder, batch = make(shape, settings), windows(shape)
    autoencoder.initialise(batch)
    x = batch.observations.flatten(0, 1)
    guess = autoencoder.decode(autoencoder.encode(x))
    grounds = {"pixel": autoencoder.median, "frame": x.flatten(2).sort().values[..., 9].view(-1, 2, 1, 1)}
    weight = autoencoder.channel_weight * (1 + 3.0 * (x - grounds[ground]).abs())
    expected = 100 * (weight * (guess - x) ** 2).mean(dim=(1, 2, 3))
    assert torch.allclose(autoencoder.loss(batch, step())["reconstruction"], expected, rtol=1e-5)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_any_size_is_reconstructed_at_its_size(size: tuple[int, int], channels: int) -> None:
    shape = FrameShape(channels, *size)
    autoencoder, x = make(shape), frames(shape)
    autoencoder.initialise(windows(shape))
    z = autoencoder.encode(x)
    assert z.shape == (6, 3) and autoencoder.decode(z).shape == x.shape
    terms = autoencoder.loss(windows(shape), step())
    terms.total().backward()
    assert terms.first_non_finite() is None
    assert all(p.grad is None or p.grad.isfinite().all() for p in autoencoder.parameters())


@pytest.mark.parametrize("wrong", [(6, 3, 8, 9), (6, 8, 8, 3), (6, 4, 8, 8), (3, 8, 8)])
def test_another_size_is_refused_in_a_sentence(wrong: tuple[int, ...]) -> None:
    autoencoder = make(FrameShape(3, 8, 8))
    with pytest.raises(ValueError, match=r"frames must be \(batch, 3, 8, 8\); got .*frames at rest are"):
        autoencoder.encode(torch.zeros(wrong))


@pytest.mark.parametrize("sizes", [(0, 8, 8), (3, 3, 8), (3, 8, 0)])
def test_impossible_sizes_are_refused(sizes: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="of a frame must be an integer of at least"):
        FrameShape(*sizes)


def test_starts_standardised_and_once() -> None:
    shape = FrameShape(3, 8, 8)
    autoencoder = make(shape)
    autoencoder.initialise(windows(shape, 50))
    z = autoencoder.encode(windows(shape, 50).observations.flatten(0, 1))
    assert torch.allclose(z.mean(0), torch.zeros(3), atol=1e-4)
    assert torch.allclose(z.std(0, unbiased=False), torch.ones(3), atol=1e-4)
    before = {name: value.clone() for name, value in autoencoder.state_dict().items()}
    loaded = make(shape)
    loaded.load_state_dict(before)
    for module in (autoencoder, loaded):
        module.initialise(windows(shape, 50, seed=5))
        assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_equal_frames_and_a_batch_of_one_are_finite() -> None:
    shape = FrameShape(1, 8, 8)
    for batch in (SequenceBatch(torch.zeros(4, 2, 1, 8, 8), torch.zeros(4, 1, 2)), windows(shape, 1)):
        autoencoder = make(shape)
        autoencoder.initialise(batch)
        assert autoencoder.loss(batch, step()).first_non_finite() is None
        assert all(value.isfinite().all() for value in autoencoder.state_dict().values())


def test_noise_comes_only_from_the_step() -> None:
    shape = FrameShape(1, 8, 8)
    autoencoder = make(shape)
    one, again, other = (autoencoder.loss(windows(shape), step(seed)).total().item() for seed in (1, 1, 2))
    assert one == again != other


def test_weights_scale_their_terms() -> None:
    shape = FrameShape(1, 8, 8)
    quiet = replace(SETTINGS, latent_noise=0.0)
    plain = make(shape, quiet).loss(windows(shape), step())
    doubled = replace(quiet, target_weight=2 * 16.0, standard_weight=2 * quiet.standard_weight)
    twice = make(shape, doubled).loss(windows(shape), step())
    for name, factor in (("reconstruction", 1), ("targets", 2), ("standard", 2)):
        assert torch.allclose(twice[name], factor * plain[name])
    assert twice["reconstruction"].shape == (12,)
    assert twice["targets"].shape == (6,)


def test_the_standard_penalty_is_of_mean_and_deviation() -> None:
    shape = FrameShape(1, 8, 8)
    autoencoder = make(shape)
    batch = windows(shape)
    z = autoencoder.encode(batch.observations.flatten(0, 1)).detach()
    by_hand = sum(column.mean() ** 2 + (column.std(unbiased=False) - 1) ** 2 for column in z.T)
    assert torch.allclose(autoencoder.loss(batch, step())["standard"], torch.as_tensor(by_hand))


def test_training_reconstructs_a_moving_square() -> None:
    """The error falls to a small part of that of the mean picture."""
    shape = FrameShape(1, 8, 8)
    x = -torch.ones(5, 5, 1, 8, 8)
    for row in range(5):
        for column in range(5):
            x[row, column, 0, row : row + 3, column : column + 3] = 1
    x = x.flatten(0, 1)
    batch = SequenceBatch(torch.stack([x, x.roll(7, 0)], 1), torch.zeros(25, 1, 2))
    autoencoder = make(shape, replace(SETTINGS, hidden=32))
    autoencoder.initialise(batch)
    optimiser = torch.optim.Adam(autoencoder.parameters(), 5e-3)
    for k in range(300):
        optimiser.zero_grad()
        autoencoder.loss(batch, step(k)).total().backward()
        optimiser.step()
    rest = (autoencoder.decode(autoencoder.encode(x)) - x).square().mean()
    assert rest.item() < 0.1 * x.var(0, unbiased=False).mean().item()


@pytest.mark.parametrize("settings", [{"num_latents": 0}, {"hidden": 0}, {"rank": -1}, {"latent_noise": -0.1}])
def test_settings_are_checked(settings: dict) -> None:
    with pytest.raises(ValueError, match="of the autoencoder must be"):
        AutoencoderSettings(**settings)


def test_profiles_start_with_the_same_deviation_in_every_channel() -> None:
    """A channel of small contrast counts as much as one of large."""
    frames = torch.zeros(200, 2, 6, 10)
    rows, columns = torch.arange(200) % 6, torch.arange(200) % 10
    frames[torch.arange(200), 0, rows, columns] = 1.0
    frames[torch.arange(200), 1, rows, columns] = 0.1
    encoder = ProfileEncoder(FrameShape(2, 6, 10), 3)
    encoder.initialise(frames)
    centred = frames - frames.mean(dim=0)
    for gain, profile in zip(encoder.gain, (centred.mean(dim=3), centred.mean(dim=2))):
        deviation = (profile * gain).square().mean(dim=(0, 2)).sqrt()
        assert torch.allclose(deviation, torch.full((2,), PROFILE_DEVIATION), rtol=1e-3)


def test_an_unknown_ground_is_refused() -> None:
    with pytest.raises(
        ValueError, match="the ground of the autoencoder must be one of pixel, frame, scene; got 'frames'"
    ):
        AutoencoderSettings(ground="frames")


STACKED = replace(SETTINGS, networks="profile", frames=2)
PAIRS, ONE = FrameShape(6, 9, 12), FrameShape(3, 9, 12)


def test_stacked_frames_are_encoded_and_drawn_one_by_one_the_oldest_first() -> None:
    pairs, one = make(PAIRS, STACKED), make(ONE, replace(STACKED, frames=1))
    one.encoder.load_state_dict(pairs.encoder.state_dict())
    one.decoder.load_state_dict(pairs.decoder.state_dict())
    x = frames(PAIRS)
    older, newest = x.split(3, dim=1)
    z = pairs.encode(x)
    assert pairs.num_latents == 6 and z.shape == (6, 6)
    assert torch.allclose(z, torch.cat([one.encode(older), one.encode(newest)], dim=1), atol=1e-6)
    drawn = torch.cat([one.decode(z[:, :3]), one.decode(z[:, 3:])], dim=1)
    assert torch.allclose(pairs.decode(z), drawn, atol=1e-6)


def test_the_error_of_stacked_frames_is_their_mean_and_training_draws_the_newest() -> None:
    quiet = replace(STACKED, latent_noise=0.0)
    pairs, batch = make(PAIRS, quiet), windows(PAIRS)
    pairs.initialise(batch)
    x = batch.observations.flatten(0, 1)
    drawn = pairs.decode(pairs.encode(x))
    one = make(ONE, replace(quiet, frames=1))
    one.channel_weight.copy_(pairs.channel_weight)
    one.median.copy_(pairs.median)
    older, newest = (one.squared_error(*part) for part in zip(drawn.split(3, dim=1), x.split(3, dim=1)))
    assert torch.allclose(pairs.squared_error(drawn, x), (older + newest) / 2, rtol=1e-5)
    terms = pairs.loss(batch, step())
    assert torch.allclose(terms["reconstruction"], 100 * newest, rtol=1e-5)
    terms.total().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in pairs.parameters())


def test_the_targets_of_stacked_frames_are_told_by_the_codes_of_all_of_them() -> None:
    pairs, batch = make(PAIRS, replace(STACKED, latent_noise=0.0)), windows(PAIRS)
    pairs.initialise(batch)
    before = pairs.loss(batch, step())["targets"]
    changed = batch.observations.clone()
    changed[:, 1, :3] = frames(ONE, seed=5)  # the older frame of the observation after the transition
    assert not torch.allclose(pairs.loss(replace(batch, observations=changed), step())["targets"], before)


def test_channels_that_are_no_multiple_of_the_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="the number of channels must be a multiple of the 2 frames"):
        make(ONE, STACKED)
    with pytest.raises(ValueError, match="frames of the autoencoder"):
        AutoencoderSettings(frames=0)


def test_targets_weigh_more_with_profile_networks() -> None:
    assert [each.target_weight for each in AutoencoderSettings().attempts(5)] == [16.0, 8.0]
    assert [each.target_weight for each in AutoencoderSettings(target_weight=3.0).attempts(5)] == [3.0, 3.0]
    for networks, weight in (("profile", 16.0), ("conv", 8.0), ("published", 8.0)):
        (only,) = AutoencoderSettings(networks=networks).attempts(5)
        assert only.target_weight == weight


def test_settings_of_stacked_frames() -> None:
    first, second = AutoencoderSettings().attempts(5, frames=2)
    assert (first.frames, first.num_latents, first.code_length) == (2, 16, 32)
    assert (second.frames, second.num_latents, second.code_length) == (2, 32, 64)
    assert AutoencoderSettings(frames=1).attempts(5, frames=2)[0].frames == 1, "as given"
    assert AutoencoderSettings(8).code_length == 8 and AutoencoderSettings().code_length is None
