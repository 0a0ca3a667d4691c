"""The ground of scenes whose background, light and objects are known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from trisect.batches import SequenceBatch, Step
from trisect.models.representations.autoencoder import Autoencoder
from trisect.models.representations.autoencoder_settings import AutoencoderSettings
from trisect.models.representations.ground import GREY_LEVEL, SceneGround
from trisect.models.shapes import FrameShape

SHAPE, FRAMES, SIDE = FrameShape(3, 20, 24), 400, 4


def random(*size: int, seed: int = 0) -> Tensor:
    return torch.rand(size, generator=torch.Generator().manual_seed(seed))


def backgrounds(tinted: bool) -> Tensor:
    """A still picture with a pattern, alone or plus one random colour per frame."""
    pattern = 0.6 * (random(1, 3, SHAPE.height, SHAPE.width) - 0.5)
    light = 0.8 * (random(FRAMES, 3, 1, 1, seed=1) - 0.5) if tinted else torch.zeros(FRAMES, 3, 1, 1)
    return pattern + light


def with_square(frames: Tensor) -> tuple[Tensor, Tensor]:
    """The frames with a bright square at a random place, and a mask of it."""
    mask = torch.zeros(len(frames), 1, SHAPE.height, SHAPE.width)
    rows = (random(len(frames), seed=2) * (SHAPE.height - SIDE)).long().tolist()
    columns = (random(len(frames), seed=3) * (SHAPE.width - SIDE)).long().tolist()
    for frame, (row, column) in enumerate(zip(rows, columns)):
        mask[frame, :, row : row + SIDE, column : column + SIDE] = 1.0
    return frames * (1 - mask) + mask, mask


def fitted(frames: Tensor) -> SceneGround:
    ground = SceneGround(SHAPE)
    ground.initialise(frames)
    return ground


@pytest.mark.parametrize("tinted", [False, True])
def test_only_the_object_stands_out_under_any_light(tinted: bool) -> None:
    background = backgrounds(tinted)
    frames, mask = with_square(background)
    distance = fitted(frames).distance(frames)
    inside, outside = mask.expand_as(frames) > 0, mask.expand_as(frames) == 0
    true = (frames - background).abs()
    assert distance[outside].mean() < 0.02
    assert torch.allclose(distance[inside], true[inside], atol=0.1)


def test_a_rare_small_object_gets_as_much_weight_in_all_as_a_large_frequent_one() -> None:
    frames, _ = with_square(backgrounds(tinted=False))
    rare = frames.clone()
    rare[FRAMES // 4 :] = backgrounds(tinted=False)[FRAMES // 4 :]
    shares = []
    for each in (frames, rare):
        weight = fitted(each).weight(each, foreground=2.0)
        assert weight.min() >= 1.0
        shares.append(float((weight - 1).mean()))
    assert shares[1] == pytest.approx(shares[0], rel=0.2)
    assert 0.5 < shares[0] < 2.0


def test_the_weight_is_the_formula() -> None:
    frames, _ = with_square(backgrounds(tinted=True))
    ground = fitted(frames)
    distance = ground.distance(frames)
    usual = distance.mean(dim=0) + distance.mean(dim=(0, 2, 3))[:, None, None]
    assert torch.allclose(ground.weight(frames, 3.0), 1 + 3.0 * distance / usual, rtol=1e-4)


def test_frames_of_one_colour_have_finite_weights() -> None:
    frames = torch.full((10, 3, SHAPE.height, SHAPE.width), 0.25)
    weight = fitted(frames).weight(frames, 2.0)
    assert weight.isfinite().all() and weight.max() < 10


def test_what_the_first_frames_never_show_gets_a_bounded_weight() -> None:
    frames = backgrounds(tinted=False)
    ground = fitted(frames)
    shown, mask = with_square(frames)
    weight = ground.weight(shown, 2.0)
    assert 50 < weight[mask.expand_as(weight) > 0].median() <= weight.max() < 1 + 2.0 * 2 / GREY_LEVEL + 1


def test_the_autoencoder_weighs_by_the_scene() -> None:
    frames, _ = with_square(backgrounds(tinted=True))
    settings = AutoencoderSettings(3, hidden=16, rank=4, ground="scene", foreground=2.0, latent_noise=0.0)
    torch.manual_seed(0)
    autoencoder = Autoencoder(SHAPE, 2, settings)
    batch = SequenceBatch(frames.unflatten(0, (-1, 2)), torch.zeros(len(frames) // 2, 1, 2))
    autoencoder.initialise(batch)
    assert autoencoder.scene is not None
    guess = autoencoder.decode(autoencoder.encode(frames))
    weight = autoencoder.channel_weight * autoencoder.scene.weight(frames, 2.0)
    expected = 100 * (weight * (guess - frames) ** 2).mean(dim=(1, 2, 3))
    loss = autoencoder.loss(batch, Step(0, 0.0, torch.Generator().manual_seed(0)))
    assert torch.allclose(loss["reconstruction"], expected, rtol=1e-4)


def test_older_grounds_store_no_scene() -> None:
    names = Autoencoder(SHAPE, 2, AutoencoderSettings(3, hidden=16, rank=4)).state_dict()
    assert not any("scene" in name for name in names)


def test_the_ground_of_large_frames_comes_from_some_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fourth of the frames shows the same ground."""
    frames = torch.full((64, 3, 8, 8), -0.5)
    for number, frame in enumerate(frames):
        frame[:, number % 8, (number // 8) % 8] = 0.9
    whole, part = SceneGround(FrameShape(3, 8, 8)), SceneGround(FrameShape(3, 8, 8))
    whole.initialise(frames)
    monkeypatch.setattr("trisect.models.representations.ground.MOST_VALUES", frames.numel() // 4)
    part.initialise(frames)
    assert not torch.equal(part.weights, whole.weights), "fewer frames were seen"
    torch.testing.assert_close(part.distance(frames), whole.distance(frames), atol=0.02, rtol=0)
