"""Numbers that overflow, vanish or are not supported: stopped with a sentence, or kept finite."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import trisect
from trisect.batches import SequenceBatch, Step
from trisect.data import Dataset
from trisect.models import assignment
from trisect.models.assignment import Assignment
from trisect.models.flows import affine
from trisect.models.flows.affine import LULinear
from trisect.recipes import Recipe, citris_nf, citris_vae, closed_form
from trisect.training.settings import TrainingSettings
from trisect.training.task import NonFiniteLoss

from .fixtures import boxes_data, moving_data, tiny, tiny_run

NF, VAE = citris_nf(), citris_vae()
RANDOM = replace(NF, flow=replace(NF.flow, start="random"))
trained = pytest.mark.parametrize("recipe", [NF, VAE], ids=["nf", "vae"])


def times(data: Dataset, factor: float) -> Dataset:
    """The same vectors in other units."""
    return Dataset({n: replace(r, observations=(r.observations * factor).astype(np.float32)) for n, r in data.items()})


@pytest.mark.parametrize("unit", [1e-4, 1e4])
def test_the_closed_form_gives_the_same_latents_in_any_unit(tmp_path: Path, unit: float) -> None:
    data = moving_data()
    expected = tiny_run(tmp_path / "one", data).model.encode(data["test"].observations)
    other = times(data, unit)
    z = tiny_run(tmp_path / "other", other).model.encode(other["test"].observations)
    for one, two in zip(z.numpy().T, expected.numpy().T):
        assert abs(np.corrcoef(one, two)[0, 1]) > 0.999, "the same latents, up to sign and scale"


@trained
def test_the_first_value_that_is_not_finite_stops_the_run_and_keeps_the_last_good_checkpoint(
    tmp_path: Path, recipe: Recipe
) -> None:
    steep = tiny(recipe, 40, learning_rate=1.0, warm_up=0.0, validate_every=1)
    with pytest.raises(NonFiniteLoss, match=r"must be finite; got (inf|nan) at step \d+, batch \d+") as caught:
        trisect.train(steep, boxes_data(), tmp_path / "run", progress=False)
    message = str(caught.value)
    assert message.startswith(("loss term '", "the gradient of the loss")), "the term is named"
    assert "lower the learning rate or check the data; checkpoints written before stay in" in message
    kept = torch.load(Path(message.rsplit("stay in ", 1)[1]) / "best.ckpt", weights_only=True)
    assert 0 < kept["history"]["step"] <= caught.value.step
    assert all(value.isfinite().all() for value in kept["module"].values())


@pytest.mark.parametrize("recipe", [NF, VAE, closed_form()], ids=["nf", "vae", "closed form"])
@pytest.mark.parametrize("unit", [1e-4, 1e4])
def test_vectors_of_extreme_units_train_finitely(tmp_path: Path, recipe: Recipe, unit: float) -> None:
    run = tiny_run(tmp_path / "run", times(moving_data(), unit), recipe)
    assert all(value.isfinite().all() for value in run.model.state_dict().values())


def test_half_precision_with_few_exponents_is_refused_with_the_ones_there_are() -> None:
    with pytest.raises(ValueError, match="precision of TrainingSettings must be one of 32, bf16; got '16'"):
        TrainingSettings(precision="16")


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_a_temperature_that_is_not_above_zero_is_refused(temperature: float) -> None:
    with pytest.raises(ValueError, match="the temperature of an Assignment must be a number in"):
        Assignment(4, 2, temperature=temperature)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("temperature", [1e-4, 1.0])
def test_a_million_draws_are_finite_and_choose_one_slot(dtype: torch.dtype, temperature: float) -> None:
    generator = torch.Generator().manual_seed(0)
    psi = Assignment(250_000, 3, temperature, generator).to(dtype)
    with torch.no_grad():
        psi.logits.mul_(1e4)  # logits of up to some hundreds
    draws = psi.sample(generator)
    assert draws.isfinite().all() and torch.equal(draws.round().sum(dim=1), torch.ones(250_000, dtype=dtype))


class NoDoubles(TorchDispatchMode):
    """Refuses every operation whose result is in double precision, as a device without it does."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        out = func(*args, **(kwargs or {}))
        assert not (isinstance(out, Tensor) and out.dtype == torch.float64), f"{func} gives doubles"
        return out


class OnApple(Tensor):
    """A tensor that says that it lies on an Apple GPU."""

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return torch.device("mps")


@pytest.mark.parametrize("recipe", [NF, RANDOM, VAE], ids=["nf", "nf random", "vae"])
def test_no_model_needs_double_precision_on_a_device_without_it(
    tmp_path: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = moving_data()
    model = tiny_run(tmp_path / "run", data, recipe).model
    for module in (assignment, affine):
        monkeypatch.setattr(module, "finest_type", lambda _: torch.float32)
    generator = torch.Generator().manual_seed(0)
    batch = SequenceBatch(torch.randn(8, 2, 3, generator=generator), torch.zeros(8, 1, 2))
    with NoDoubles():
        terms = model.loss(batch, Step(0, 0.0, generator))
        terms.total().backward()
        with torch.no_grad():
            model.decode(model.encode(torch.from_numpy(data["test"].observations)))
    assert terms.first_non_finite() is None


def test_draws_in_single_precision_are_finite_and_choose_one_slot() -> None:
    for seed in range(20):
        psi = Assignment(5000, 3)
        psi.logits = torch.nn.Parameter(psi.logits.detach().as_subclass(OnApple))
        draw = psi.sample(torch.Generator().manual_seed(seed)).detach()
        assert draw.isfinite().all() and (draw.sum(dim=1) - 1).abs().max() < 1e-5


def test_the_inverse_uses_single_precision_where_there_is_no_other() -> None:
    flow = LULinear(torch.eye(3) + 0.1)
    z = torch.ones(2, 3)
    with torch.no_grad(), NoDoubles():
        back = flow.inverse(z.as_subclass(OnApple))
    assert torch.allclose(back.as_subclass(Tensor), flow.inverse(z), atol=1e-5)


def test_the_inverse_of_a_flow_works_in_double_precision() -> None:
    flow = LULinear(torch.eye(3) + 0.1).double()
    z = torch.ones(2, 3, dtype=torch.float64)
    assert torch.allclose(flow(flow.inverse(z))[0], z)
