"""The refinement of a decoder, on a scene of two squares of which the noise slot holds copies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from trisect.batches import SequenceBatch, Step
from trisect.models.drawing import Drawing, DrawingSettings
from trisect.models.flows.factory import linear_flow
from trisect.models.representations.autoencoder import Autoencoder
from trisect.models.representations.autoencoder_settings import AutoencoderSettings
from trisect.models.representations.representation import FrameRepresentation
from trisect.models.shapes import FrameShape

SIDE, BATCH = 16, 32


def frames_of(places: np.ndarray) -> Tensor:
    """One bright row at places[:, 0] in the left half and one at places[:, 1] in the right half."""
    frames = torch.full((len(places), 1, SIDE, SIDE), -1.0)
    for frame, (left, right) in zip(frames, places.astype(int)):
        frame[0, left : left + 2, : SIDE // 2] = 1.0
        frame[0, right : right + 2, SIDE // 2 :] = 1.0
    return frames


def batch_of(seed: int) -> SequenceBatch:
    places = np.random.default_rng(seed).integers(1, SIDE - 3, (2 * BATCH, 2))
    return SequenceBatch(frames_of(places).unflatten(0, (BATCH, 2)), torch.zeros(BATCH, 1, 2))


def step_of(index: int) -> Step:
    return Step(index, 0.0, torch.Generator().manual_seed(index))


@pytest.fixture
def refinement() -> Drawing:
    """A module whose autoencoder was trained for a moment; slots a and b have one latent each, the noise slot two."""
    torch.manual_seed(0)
    settings = AutoencoderSettings(networks="profile", num_latents=4, hidden=32, rank=4)
    autoencoder = Autoencoder(FrameShape(1, SIDE, SIDE), 2, settings)
    autoencoder.initialise(batch_of(99))
    trained(autoencoder, 60)
    flow = linear_flow(torch.zeros(4), torch.linalg.qr(torch.randn(4, 4)).Q)
    representation = FrameRepresentation(autoencoder.eval())
    made = Drawing(autoencoder, representation, flow, [[0], [1]], DrawingSettings())
    made.initialise(batch_of(98))
    return made


def trained(module: Any, steps: int) -> Any:
    optimiser = torch.optim.Adam([p for p in module.parameters() if p.requires_grad], 3e-3)
    for index in range(steps):
        optimiser.zero_grad()
        module.loss(batch_of(index), step_of(index)).total().backward()
        optimiser.step()
    return module


def test_only_the_decoder_changes(refinement: Drawing) -> None:
    before = {name: value.clone() for name, value in refinement.state_dict().items()}
    trained(refinement, 3)
    changed = {name for name, value in refinement.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and all(".decoder." in name for name in changed)


def test_swapped_slots_are_read_better_afterwards(refinement: Drawing) -> None:
    def errors() -> dict[str, float]:
        with torch.no_grad():
            terms = refinement.loss(batch_of(97), step_of(0))
        return {name: float(value.mean()) for name, value in terms.items()}

    before = errors()
    trained(refinement, 100)
    after = errors()
    assert after["read_back"] < 0.6 * before["read_back"]
    assert after["reconstruction"] < 1.1 * before["reconstruction"]


def test_mixed_latents_take_whole_slots_and_leave_the_noise_slot(refinement: Drawing) -> None:
    refinement.slots = [[0, 1], [3]]
    z = torch.arange(4000.0).view(1000, 4)
    mixed = refinement.mixed(z, torch.Generator().manual_seed(0))
    assert torch.equal(mixed[:, 2], z[:, 2])
    assert torch.equal(mixed[:, 1] - mixed[:, 0], torch.ones(1000))  # both latents of a slot come from one row
    for latent in (0, 3):
        share = float((mixed[:, latent] != z[:, latent]).float().mean())
        assert share == pytest.approx(0.5, abs=0.06)
        assert set(mixed[:, latent].tolist()) <= set(z[:, latent].tolist())
    together = (mixed[:, 0] != z[:, 0]) & (mixed[:, 3] != z[:, 3])
    assert float(together.float().mean()) == pytest.approx(0.25, abs=0.06)


def test_the_read_back_error_is_that_of_the_formula(refinement: Drawing) -> None:
    refinement.spread.copy_(torch.tensor([2.0, 1.0, 1.0, 1.0]))
    missed = refinement._missed(torch.tensor([[4.0, 0.0, 1.0, 3.0]]))
    expected = [2**2 / 3, 0.0, (1 / 2 + 9 / 4) / 2]
    assert missed.flatten().tolist() == pytest.approx(expected)


def test_without_weight_only_the_frames_count(refinement: Drawing) -> None:
    refinement.settings = DrawingSettings(weight=0.0)
    terms = refinement.loss(batch_of(1), step_of(1))
    assert float(terms["read_back"].detach().abs().sum()) == 0 < float(terms["reconstruction"].detach().sum())


@pytest.mark.parametrize("wrong", [{"refined": "sometimes"}, {"weight": -1.0}, {"pixel_noise": 2.0}])
def test_settings_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        DrawingSettings(**wrong)
