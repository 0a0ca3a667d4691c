"""Models take observations and latents in any form, and say what they cannot take."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from trisect.models.assignment import Assignment
from trisect.models.causal_model import CausalModel, ObjectiveSettings
from trisect.models.flows.factory import linear_flow
from trisect.models.priors.factorised import PerfectPrior
from trisect.models.representations.autoencoder import Autoencoder
from trisect.models.representations.autoencoder_settings import AutoencoderSettings
from trisect.models.representations.reduction import Projection, Reduction
from trisect.models.representations.representation import FrameRepresentation, Representation, VectorRepresentation
from trisect.models.shapes import FrameShape
from trisect.models.slot_model import Parts
from trisect.models.target_classifier import TargetClassifier, TargetClassifierSettings

L, VARIABLES = 4, ("a", "b")
FRAMES = np.random.default_rng(0).integers(0, 256, (6, 8, 12, 3)).astype(np.uint8)
FLOATS = (np.moveaxis(FRAMES, -1, 1) / 127.5 - 1).astype(np.float32)
VECTORS = np.random.default_rng(1).normal(size=(6, L)).astype(np.float32)


def model_of(representation: Representation) -> CausalModel:
    torch.manual_seed(0)
    psi = Assignment(L, 2)
    psi.freeze([0, 1, 2, 2])
    classifier = TargetClassifier(L, 2, TargetClassifierSettings(hidden=2))
    parts = Parts(
        representation, linear_flow(torch.zeros(L), torch.eye(L) + 0.1), psi, PerfectPrior(L, 2, 2), classifier
    )
    return CausalModel(parts, VARIABLES, ObjectiveSettings()).eval()


@pytest.fixture(name="frames_model")
def make_frames_model() -> CausalModel:
    torch.manual_seed(0)
    autoencoder = Autoencoder(FrameShape(3, 8, 12), 2, AutoencoderSettings(num_latents=L, hidden=16))
    autoencoder.median.fill_(-0.5)
    return model_of(FrameRepresentation(autoencoder))


@pytest.fixture(name="vectors_model")
def make_vectors_model() -> CausalModel:
    return model_of(VectorRepresentation(L))


FORMS = {
    "list": FRAMES.tolist(),
    "list of frames": list(FRAMES),
    "Fortran order": np.asfortranarray(FRAMES),
    "not contiguous": np.repeat(FRAMES, 2, axis=0)[::2],
    "reversed": FRAMES[::-1].copy()[::-1],
    "tensor": torch.tensor(FRAMES),
    "floats": FLOATS,
    "double": FLOATS.astype(np.float64),
    "big-endian": FLOATS.astype(">f4"),
    "big-endian double": FLOATS.astype(">f8"),
    "list of floats": FLOATS.tolist(),
}


@pytest.mark.parametrize("form", list(FORMS))
def test_every_form_of_frames_has_the_same_latents(frames_model: CausalModel, form: str) -> None:
    z = frames_model.encode(FORMS[form])
    assert z.dtype == torch.float32
    assert torch.allclose(z, frames_model.encode(FRAMES), atol=1e-5)


@pytest.mark.parametrize(
    "form", [VECTORS.tolist(), VECTORS.astype(">f4"), VECTORS.astype(np.float64), VECTORS[::-1][::-1]]
)
def test_every_form_of_vectors_has_the_same_latents(vectors_model: CausalModel, form: Any) -> None:
    assert torch.equal(vectors_model.encode(form), vectors_model.encode(VECTORS))


@pytest.mark.parametrize(
    ("observations", "error", "message"),
    [
        (
            np.moveaxis(FRAMES, -1, 1),
            ValueError,
            r"must be \(N, height, width, channels\); got \(6, 3, 8, 12\), with channels",
        ),
        (FRAMES[0], ValueError, r"got \(8, 12, 3\); .*frames\[None\] for a single one"),
        (FRAMES[..., 0], ValueError, r"pass frames\[..., None\] for gray frames"),
        (FRAMES[:, :4], ValueError, r"frames must be \(batch, 3, 8, 12\); got \(6, 3, 4, 12\)"),
        (FRAMES / 127.5 - 1, ValueError, r"frames must be \(batch, 3, 8, 12\); got \(6, 8, 12, 3\)"),
        (FLOATS * np.nan, ValueError, "float frames must be within"),
        (VECTORS, ValueError, r"frames must be \(batch, 3, 8, 12\)"),
        (FRAMES[:, 0, 0], ValueError, "pass vectors as floats"),
        ("frame.png", TypeError, "the observations must be an array of numbers; got the text 'frame.png'"),
        (np.ma.masked_array(FRAMES, mask=FRAMES > 250), ValueError, "the observations must be without masked values"),
    ],
)
def test_observations_that_a_model_cannot_take(frames_model, observations: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message) as refused:
        frames_model.encode(observations)
    assert len(str(refused.value)) < 300


def test_frames_in_0_to_1_are_warned_of(frames_model: CausalModel) -> None:
    with pytest.warns(UserWarning, match=r"float frames have no value below 0.*scale them to 2 \* v - 1"):
        frames_model.encode((FLOATS + 1) / 2)


def test_right_frames_are_not_warned_of(frames_model: CausalModel) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frames_model.encode(FLOATS)
        frames_model.encode(np.full_like(FRAMES, 255))
        frames_model.representation.autoencoder.median.fill_(0.5)
        frames_model.encode((FLOATS + 1) / 2)


@pytest.mark.parametrize("kind", ["frames", "vectors"])
def test_a_double_model_computes_in_double(kind: str, frames_model: CausalModel, vectors_model: CausalModel) -> None:
    model, observations = (frames_model, FRAMES) if kind == "frames" else (vectors_model, VECTORS)
    z = model.encode(observations)
    exact = model.double().encode(observations)
    assert exact.dtype == torch.float64 and torch.allclose(exact.float(), z, atol=1e-4)
    assert model.decode(exact).dtype == torch.float64
    assert model.intervene(observations, {"a": observations[:1]}).dtype == torch.float64


def test_latents_in_any_form_decode_alike_and_without_gradients(frames_model: CausalModel) -> None:
    z = frames_model.encode(FRAMES)
    decoded = frames_model.decode(z)
    assert decoded.numpy().shape == (6, 3, 8, 12)
    for form in (z.numpy(), z.numpy().astype(">f8"), z.double(), z.tolist()):
        assert torch.equal(frames_model.decode(form), decoded)
    with pytest.raises(ValueError, match=r"the shape of the latents to act on must be \(N, 4\); got \(6, 3\)"):
        frames_model.decode(z[:, :3])


def test_gradients_are_kept_if_the_inputs_require_them(frames_model: CausalModel) -> None:
    frames = torch.tensor(FLOATS, requires_grad=True)
    frames_model.encode(frames).sum().backward()
    z = torch.zeros(2, L, requires_grad=True)
    frames_model.decode(z).sum().backward()
    assert frames.grad is not None and bool(frames.grad.any())
    assert z.grad is not None and bool(z.grad.any())
    with torch.no_grad():
        assert not frames_model.decode(z).requires_grad


def test_acting_takes_lists_and_other_byte_orders(frames_model: CausalModel) -> None:
    expected = frames_model.intervene(FRAMES, {"a": FRAMES[:1]})
    assert torch.equal(frames_model.intervene(FRAMES.tolist(), {"a": list(FRAMES[:1])}), expected)
    targets = np.zeros((1, 2, 2))
    targets[0, 1, 1] = 1
    rolled = frames_model.rollout(FRAMES, targets)
    for form in (targets.astype(">f8"), targets.tolist(), Tensor(targets), targets.astype(bool)):
        assert torch.equal(frames_model.rollout(list(FRAMES), form), rolled)
    with pytest.raises(ValueError, match=r"got 0.7 at row 0, step 1, column 1 \(b\)"):
        frames_model.rollout(FRAMES, 0.7 * targets)


def test_vectors_far_from_zero_are_centred_before_they_are_rounded() -> None:
    far = 1e6 + VECTORS.astype(np.float64)
    model = model_of(Reduction(VectorRepresentation(L), Projection(np.full(L, 1e6), np.eye(L), np.eye(L))))
    near = model_of(VectorRepresentation(L))
    assert torch.allclose(model.encode(far), near.encode(VECTORS), atol=1e-6)
