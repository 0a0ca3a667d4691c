"""The published image networks against numbers from the published implementation, to 1e-4, and their laws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from trisect.batches import SequenceBatch, Step
from trisect.frames import frames_to_float
from trisect.models.networks.factory import NetworkOptions, decoder_for, encoder_for
from trisect.models.networks.layers import FullPrecisionLinear, Position
from trisect.models.networks.network import ImageNetwork
from trisect.models.networks.profile import ProfileDecoder, ProfileEncoder
from trisect.models.networks.published import (
    NormalisedEncoder,
    PlainDecoder,
    PlainEncoder,
    ResidualDecoder,
    supported_side,
)
from trisect.models.networks.variational import FixedBound, LearnedBound, VariationalEncoder
from trisect.models.representations.autoencoder import Autoencoder
from trisect.models.representations.autoencoder_settings import AutoencoderSettings
from trisect.models.shapes import FrameShape

TOLERANCE = 1e-4
CHANNELS, LATENTS = 4, 3
KINDS = [
    *((32, "published", "batch"), (64, "published", "batch"), (64, "published", "instance")),
    *((32, "profile", "batch"), (32, "conv", "batch")),
]
"""Side, networks and norm of every kind of pair."""


def encoder(side: int, networks: str, norm: str = "batch", *, variational: bool = False, depth: int = 3) -> nn.Module:
    torch.manual_seed(0)
    options = NetworkOptions(norm=norm)
    return encoder_for(FrameShape(depth, side, side), LATENTS, networks, CHANNELS, variational, options)


def decoder(side: int, networks: str, norm: str = "batch", *, depth: int = 3) -> ImageNetwork:
    torch.manual_seed(1)
    return decoder_for(FrameShape(depth, side, side), LATENTS, networks, CHANNELS, NetworkOptions(norm=norm))


def frames(side: int, depth: int = 3, num: int = 5) -> Tensor:
    return 2 * torch.rand(num, depth, side, side, generator=torch.Generator().manual_seed(0)) - 1


def latents(num: int = 5) -> Tensor:
    return torch.randn(num, LATENTS, generator=torch.Generator().manual_seed(1))


# Published weights: prefixes of their names -> ours.
PLAIN_ENCODER = {**{f"net.{i}": f"maps.{i}" for i in range(12)}, "net.12": "hidden.0", "net.14": "outputs"}
PLAIN_DECODER = {"linear": "hidden", "net": "maps"}
NORMALISED_ENCODER = {
    "net.0": "maps.0",
    **{f"net.{i}.{j}": f"maps.{i}.{j - (j > 0)}" for i in (1, 2, 3) for j in (0, 2, 4, 5)},
    **{"net.5": "hidden.0", "net.6": "hidden.1", "net.8": "outputs"},
}


def residual_decoder(num_blocks: int) -> dict[str, str]:
    blocks = {f"net.{i}.{j}.net": f"maps.{i}.{j}.branch" for i in range(4) for j in range(1, num_blocks + 1)}
    return {"linear": "hidden", **blocks, **{f"net.{i + 4}": f"head.{i}" for i in range(7)}}


def variational(names: dict[str, str]) -> dict[str, str]:
    return {"scale_factor": "bound.scale", **{theirs: f"network.{ours}" for theirs, ours in names.items()}}


def load(network: nn.Module, weights: dict[str, Tensor], names: dict[str, str]) -> None:
    """Every parameter and statistic of the network from published weights; evaluation mode."""
    state = {}
    for name, value in weights.items():
        for theirs, ours in names.items():
            if name == theirs or name.startswith(f"{theirs}."):
                state[ours + name.removeprefix(theirs).replace("pos_embed", "embed")] = value
    network.load_state_dict(state)
    network.eval()


def checkpoint(shared: Path, name: str, prefix: str) -> dict[str, Tensor]:
    """The weights of one network of a published checkpoint."""
    weights = torch.load(shared / "golden" / name, weights_only=True)["state_dict"]
    return {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}


def outputs(shared: Path, name: str) -> dict:
    return torch.load(shared / "golden" / name, weights_only=True)


def tutorial_frames(shared: Path) -> Tensor:
    with np.load(shared / "data" / "causal3d_tutorial" / "causal3d.npz") as file:
        return frames_to_float(torch.from_numpy(file["images"][:40, ..., :3]))


def close(ours: Tensor, theirs: Tensor) -> bool:
    assert ours.shape == theirs.shape
    return float((ours - theirs).detach().abs().max()) <= TOLERANCE


@pytest.mark.parametrize("side", [32, 64])
def test_golden_networks(shared: Path, side: int) -> None:
    file = outputs(shared, "image_networks.pt")[f"net{side}"]
    shape, num_latents, channels = FrameShape(file["channels"], side, side), file["num_latents"], file["c_hid"]
    options = NetworkOptions(num_blocks=file.get("num_blocks", 1))
    ours = encoder_for(shape, num_latents, "published", channels, True)
    theirs = decoder_for(shape, num_latents, "published", channels, options)
    load(ours, file["encoder"], variational(PLAIN_ENCODER if side == 32 else NORMALISED_ENCODER))
    load(theirs, file["decoder"], PLAIN_DECODER if side == 32 else residual_decoder(file["num_blocks"]))
    mean, log_std = ours(file["x"])
    assert close(mean, file["mean"])
    assert close(log_std, file["log_std"])
    assert close(theirs(file["z"]), file["image"])


def test_golden_autoencoder(shared: Path) -> None:
    """The deterministic head, on real frames, through `Autoencoder`: its shift and scale start as the identity."""
    file = outputs(shared, "citris_nf_outputs.pt")
    autoencoder = Autoencoder(FrameShape(3, 64, 64), 4, AutoencoderSettings(12, networks="published", channels=16))
    load(autoencoder.encoder, checkpoint(shared, "CITRISNF.ckpt", "autoencoder.encoder."), NORMALISED_ENCODER)
    load(autoencoder.decoder, checkpoint(shared, "CITRISNF.ckpt", "autoencoder.decoder."), residual_decoder(2))
    assert close(autoencoder.encode(tutorial_frames(shared)), file["encodings"])
    assert close(autoencoder.decode(file["encodings"][:4]), file["reconstructions_first4"])


def test_golden_variational_encoder(shared: Path) -> None:
    """The learned bounds of a trained model, on real frames."""
    file = outputs(shared, "citris_vae_outputs.pt")
    ours = encoder_for(FrameShape(3, 64, 64), 12, "published", 16, True)
    load(ours, checkpoint(shared, "CITRISVAE.ckpt", "encoder."), variational(NORMALISED_ENCODER))
    mean, log_std = ours(tutorial_frames(shared))
    assert close(mean, file["mean"])
    assert close(log_std, file["logstd"])


def test_the_published_vae_has_one_residual_block_a_doubling(shared: Path) -> None:
    ours = decoder_for(FrameShape(3, 64, 64), 12, "published", 16, NetworkOptions(num_blocks=1))
    load(ours, checkpoint(shared, "CITRISVAE.ckpt", "decoder."), residual_decoder(1))
    assert ours(torch.zeros(1, 12)).shape == (1, 3, 64, 64)


@pytest.mark.parametrize("depth", [3, 4])
@pytest.mark.parametrize("side", [32, 64, 128])
def test_published_sizes(side: int, depth: int) -> None:
    ours, theirs = encoder(side, "published", depth=depth), decoder(side, "published", depth=depth)
    z = ours(frames(side, depth, 2))
    assert z.shape == (2, LATENTS)
    decoded = theirs(z)
    assert decoded.shape == (2, depth, side, side)
    assert decoded.abs().max() <= 1


@pytest.mark.parametrize(
    ("side", "networks", "kinds"),
    [
        (32, "profile", (ProfileEncoder, ProfileDecoder)),
        (32, "published", (PlainEncoder, PlainDecoder)),
        (64, "published", (NormalisedEncoder, ResidualDecoder)),
    ],
)
def test_the_size_chooses_the_published_pair(side: int, networks: str, kinds: tuple[type, type]) -> None:
    assert (type(encoder(side, networks)), type(decoder(side, networks))) == kinds
    assert type(encoder(side, networks, variational=True).network) is kinds[0]


@pytest.mark.parametrize(
    ("height", "width", "nearest"),
    [
        (48, 48, "32x32 or 64x64"),
        (64, 48, "32x32 or 64x64"),
        (100, 76, "64x64 or 128x128"),
        (64, 128, "64x64 or 128x128"),
        (65, 65, "64x64 or 128x128"),
        (17, 17, "32x32"),
        (16, 16, "32x32"),
        (8, 64, "32x32 or 64x64"),
    ],
)
def test_unsupported_sizes_are_refused_at_construction(height: int, width: int, nearest: str) -> None:
    shape, settings = FrameShape(3, height, width), AutoencoderSettings(LATENTS, networks="published", channels=4)
    message = (
        "^the size of frames for the published networks must be 32x32, 64x64 or a higher power of two; "
        f"got {height}x{width}; resize the frames to {nearest}, or pass networks='profile', which takes any size$"
    )
    with pytest.raises(ValueError, match=message):
        Autoencoder(shape, 2, settings)
    with pytest.raises(ValueError, match=message):
        ResidualDecoder(shape, LATENTS)
    with pytest.raises(ValueError, match=message):
        NormalisedEncoder(shape, LATENTS)


@pytest.mark.parametrize("side", [32, 64, 128, 256])
def test_supported_sides(side: int) -> None:
    assert supported_side(FrameShape(1, side, side)) == side


@pytest.mark.parametrize("kind", [PlainEncoder, PlainDecoder])
def test_the_plain_networks_refuse_larger_frames(kind: type) -> None:
    with pytest.raises(ValueError, match="for the plain networks must be 32x32; got 64x64; use the networks with"):
        kind(FrameShape(3, 64, 64), LATENTS)


def test_names_are_checked() -> None:
    with pytest.raises(
        ValueError,
        match="autoencoder must be one of auto, profile, conv, combined, glimpse, published; got 'publish'",
    ):
        AutoencoderSettings(networks="publish")
    with pytest.raises(ValueError, match="networks of an encoder or decoder must be one of"):
        decoder(32, "slow")
    for make in (lambda: NetworkOptions(norm="layer"), lambda: NormalisedEncoder(FrameShape(3, 64, 64), 2, norm="x")):
        with pytest.raises(ValueError, match="norm of image networks must be one of batch, instance"):
            make()
    for wrong in ({"rank": 0}, {"num_blocks": 0}):
        with pytest.raises(ValueError, match="of image networks must be an integer of at least 1"):
            NetworkOptions(**wrong)
    with pytest.raises(ValueError, match="channels of the autoencoder must be an integer of at least 1"):
        AutoencoderSettings(channels=0)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_gradients_of_a_position_are_those_of_a_sum(memory_format: torch.memory_format) -> None:
    torch.manual_seed(0)
    position = Position(3, 4).double()
    maps = torch.randn(5, 3, 4, 4, dtype=torch.float64).contiguous(memory_format=memory_format)
    expected = maps + position.embed(position.grid).movedim(-1, 0)
    weights = torch.randn(5, 3, 4, 4, dtype=torch.float64)
    of_sum = torch.autograd.grad((weights * expected.square()).sum(), list(position.parameters()))
    inputs = maps.requires_grad_()
    shifted = position(inputs)
    assert torch.allclose(shifted, expected)
    of_maps, *of_layer = torch.autograd.grad((weights * shifted.square()).sum(), [inputs, *position.parameters()])
    assert torch.allclose(of_maps, 2 * weights * expected.detach())
    assert all(torch.allclose(one, other) for one, other in zip(of_layer, of_sum, strict=True))


def test_position_closed_form() -> None:
    """y - x at (row, column) is w_row r + w_column c + b, with r and c from -1 to 1."""
    position = Position(2, 5)
    with torch.no_grad():
        position.embed.weight.copy_(torch.tensor([[1.0, 0.0], [10.0, 100.0]]))
        position.embed.bias.copy_(torch.tensor([0.5, 0.0]))
    x = torch.randn(3, 2, 5, 5, generator=torch.Generator().manual_seed(0))
    added = position(x) - x
    for row in range(5):
        for column in range(5):
            r, c = row / 2 - 1, column / 2 - 1
            expected = torch.tensor([r + 0.5, 10 * r + 100 * c]).expand(3, 2)
            assert torch.allclose(added[:, :, row, column], expected, atol=1e-4)


@pytest.mark.parametrize(("side", "networks", "norm"), KINDS)
def test_log_std_is_bounded(side: int, networks: str, norm: str) -> None:
    ours = encoder(side, networks, norm, variational=True).eval()
    learned = side == 64
    last = ours.network.outputs if networks == "published" else ours.network.coordinates
    with torch.no_grad():
        if learned:
            ours.bound.scale.copy_(torch.tensor([-1.0, 0.0, 2.0]))
        last.bias[LATENTS:] = 1e4
        high = ours(frames(side))[1]
        last.bias[LATENTS:] = -1e4
        low = ours(frames(side))[1]
    bound = functional.softplus(torch.tensor([-1.0, 0.0, 2.0])) if learned else torch.full((LATENTS,), 4.0)
    assert torch.allclose(high, bound.expand(5, -1))
    assert torch.allclose(low, -bound.expand(5, -1))


@pytest.mark.parametrize("bound", [FixedBound(), LearnedBound(1)])
def test_bounds_are_the_identity_near_zero(bound: nn.Module) -> None:
    small = torch.tensor([[-1e-3], [0.0], [1e-3]])
    assert torch.allclose(bound(small), small, atol=1e-8)


@pytest.mark.parametrize(("side", "networks", "norm"), KINDS)
def test_a_variational_encoder_has_the_means_first(side: int, networks: str, norm: str) -> None:
    ours = encoder(side, networks, norm, variational=True).eval()
    assert isinstance(ours, VariationalEncoder)
    mean, log_std = ours(frames(side))
    assert mean.shape == log_std.shape == (5, LATENTS)
    raw = ours.network(frames(side))
    assert torch.equal(mean, raw[:, :LATENTS])
    assert torch.equal(log_std, ours.bound(raw[:, LATENTS:]))


@pytest.mark.parametrize(("side", "networks", "norm"), KINDS)
def test_gradient_flows_everywhere(side: int, networks: str, norm: str) -> None:
    """In evaluation mode: batch statistics would cancel constants over a channel."""
    for module, x in (
        (encoder(side, networks, norm, variational=True), frames(side)),
        (decoder(side, networks), latents()),
    ):
        result = module.eval()(x)
        cost = sum(each.square().sum() for each in result) if isinstance(result, tuple) else result.square().sum()
        cost.backward()
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all() and parameter.grad.abs().max() > 0, name


def test_instance_norm_keeps_no_statistics_and_sees_one_frame() -> None:
    """A frame's latents do not depend on the other frames, even in training."""
    ours = encoder(64, "published", "instance").train()
    assert not list(ours.buffers()) or all("grid" in name for name, _ in ours.named_buffers())
    x = frames(64)
    assert torch.allclose(ours(x)[:1], ours(x[:1]), atol=1e-5)


def test_batch_norm_starts_from_the_first_frames() -> None:
    """After the start, training and evaluation give nearly the same; modes and momenta are as before."""
    ours = encoder(64, "published").eval()
    x = 0.3 * frames(64, num=12) + 0.5
    ours.initialise(x)
    norms = [part for part in ours.modules() if isinstance(part, nn.BatchNorm2d)]
    assert len(norms) == 8 and all(norm.momentum == 0.1 and not norm.training for norm in norms)
    evaluated, trained = ours(x), ours.train()(x)
    assert torch.allclose(evaluated, trained, atol=1e-2)
    assert evaluated.std() > 0.05


@pytest.mark.parametrize("side", [32, 64])
def test_starts_standardised_with_the_published_networks(side: int) -> None:
    autoencoder = Autoencoder(FrameShape(3, side, side), 2, AutoencoderSettings(3, networks="published", channels=4))
    x = frames(side, num=24)
    autoencoder.initialise(SequenceBatch(x.unflatten(0, (12, 2)), torch.zeros(12, 1, 2)))
    z = autoencoder.eval().encode(x)
    assert torch.allclose(z.mean(0), torch.zeros(3), atol=0.05)
    assert torch.allclose(z.std(0, unbiased=False), torch.ones(3), atol=0.05)


def test_the_profile_pair_starts_from_the_mean_frame() -> None:
    x, ours, theirs = frames(32), encoder(32, "profile", variational=True), decoder(32, "profile")
    for module in (ours, theirs):
        module.initialise(x)
    assert torch.equal(ours.network.mean, x.mean(0))
    assert torch.equal(theirs.bias, x.mean(0))


@pytest.mark.parametrize("side", [32, 64])
def test_published_decoders_keep_their_random_start(side: int) -> None:
    ours = decoder(side, "published")
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    ours.initialise(frames(side))
    assert all(torch.equal(value, before[name]) for name, value in ours.state_dict().items())


def test_the_plain_encoder_starts_normalised() -> None:
    """Every convolution and every linear layer but the last gives mean 0 and deviation 1 in each channel."""
    ours, x = encoder(32, "published"), frames(32)
    last = {name: value.clone() for name, value in ours.outputs.state_dict().items()}
    ours.initialise(x)
    checked = 0
    for layer in (*ours.maps, *ours.hidden):
        x = layer(x)
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            channels = x.detach().transpose(0, 1).flatten(1)
            assert torch.allclose(channels.mean(1), torch.zeros(len(channels)), atol=1e-4)
            assert torch.allclose(channels.std(1, correction=0), torch.ones(len(channels)), atol=1e-3)
            checked += 1
    assert checked == 6
    assert all(torch.equal(value, last[name]) for name, value in ours.outputs.state_dict().items())


@pytest.mark.parametrize("side", [32, 64])
@pytest.mark.parametrize("num", [1, 4])
def test_equal_frames_and_a_batch_of_one_are_finite(side: int, num: int) -> None:
    settings = AutoencoderSettings(LATENTS, networks="published", channels=4)
    autoencoder = Autoencoder(FrameShape(1, side, side), 2, settings)
    batch = SequenceBatch(torch.full((num, 2, 1, side, side), -1.0), torch.zeros(num, 1, 2))
    autoencoder.initialise(batch)
    terms = autoencoder.loss(batch, Step(0, 0.0, torch.Generator().manual_seed(0)))
    terms.total().backward()
    assert terms.first_non_finite() is None
    assert all(value.isfinite().all() for value in autoencoder.state_dict().values())
    assert all(p.grad.isfinite().all() for p in autoencoder.parameters())


def test_latents_keep_full_precision() -> None:
    """1 and 1.001 are the same bfloat16, yet give different outputs."""
    layer = FullPrecisionLinear(1, 1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        one, two = layer(torch.tensor([[1.0]])), layer(torch.tensor([[1.001]]))
        z = encoder(32, "published")(frames(32))
    assert one.dtype == z.dtype == torch.float32
    assert torch.allclose(two - one, 0.001 * layer.weight, rtol=1e-2)


def moving_square() -> SequenceBatch:
    """A bright square at each of 16 places, then at another one."""
    x = -torch.ones(16, 1, 32, 32)
    for k in range(16):
        row, column = 8 * (k // 4), 8 * (k % 4)
        x[k, :, row : row + 8, column : column + 8] = 1
    return SequenceBatch(torch.stack([x, x.roll(5, 0)], dim=1), torch.zeros(16, 1, 2))


def test_training_lowers_the_loss() -> None:
    """The plain pair learns where a square is: the error falls to a small part of that of the mean picture."""
    torch.manual_seed(0)
    settings = AutoencoderSettings(num_latents=2, networks="published", channels=8)
    autoencoder, batch = Autoencoder(FrameShape(1, 32, 32), 2, settings), moving_square()
    autoencoder.initialise(batch)
    optimiser = torch.optim.Adam(autoencoder.parameters(), 4e-3)
    totals = []
    for k in range(200):
        optimiser.zero_grad()
        total = autoencoder.loss(batch, Step(k, 0.0, torch.Generator().manual_seed(k))).total()
        total.backward()
        nn.utils.clip_grad_norm_(autoencoder.parameters(), 5.0)
        optimiser.step()
        totals.append(total.item())
    x = batch.observations[:, 0]
    rest = (autoencoder.decode(autoencoder.encode(x)) - x).square().mean()
    assert totals[-1] < 0.1 * totals[0]
    assert rest.item() < 0.1 * x.var(0, unbiased=False).mean().item()
