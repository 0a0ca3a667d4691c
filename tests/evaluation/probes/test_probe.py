from __future__ import annotations

import numpy as np
import pytest
import torch

from trisect.evaluation.probes.fitting import FitSettings
from trisect.evaluation.probes.heads import Heads
from trisect.evaluation.probes.probe import LONG, PROBES, PUBLISHED, RIDGE, MlpProbe, head_losses, head_slopes, pack
from trisect.evaluation.probes.read_out import ReadOut
from trisect.evaluation.probes.ridge import RidgeProbe
from trisect.evaluation.scores import r2
from trisect.variables import Angle, Categorical, Continuous

FACTORS = (Continuous("x"), Angle("a"), Categorical("c", 3))
QUICK = MlpProbe("quick", width=64, epochs=60)
CAREFUL = MlpProbe("careful", width=64, epochs=60, held_out=0.1, sharpness=(10.0,))


def task(num_rows: int = 3000, seed: int = 0) -> tuple[ReadOut, np.ndarray]:
    """One set that determines all three factors by smooth maps, one of pure noise, one with the first latent only."""
    rng = np.random.default_rng(seed)
    x, a = rng.uniform(-1, 1, num_rows), rng.uniform(0, 2 * np.pi, num_rows)
    c = rng.integers(3, size=num_rows)
    truth = np.stack([5 + 3 * x, a, c], axis=1)
    informative = np.stack([np.sinh(x), np.sin(a), np.cos(a), c - 1.0], axis=1)
    sets = [part.astype(np.float32) for part in (informative, rng.normal(size=(num_rows, 2)), informative[:, :1])]
    half = num_rows // 2
    train, test = tuple(part[:half] for part in sets), tuple(part[half:] for part in sets)
    return ReadOut(train, test, truth[:half], FACTORS), truth[half:]


@pytest.mark.parametrize("probe", [RIDGE, QUICK, CAREFUL], ids=lambda probe: probe.name)
class TestEveryProbe:
    def test_predicts_what_the_latents_contain_and_nothing_else(self, probe):
        read_out, truth = task()
        predictions = probe.predict(read_out, np.random.default_rng(0))
        assert predictions.shape == (3, 1500, 3) and predictions.dtype == np.float64
        scored = np.array([[r2(p[:, k], truth[:, k], f) for k, f in enumerate(FACTORS)] for p in predictions])
        assert (scored[0] > 0.97).all()
        assert (scored[1] < 0.05).all()
        assert scored[2, 0] > 0.99 and (scored[2, 1:] < 0.05).all()

    def test_same_rng_same_predictions_and_no_global_randomness(self, probe):
        read_out, _ = task(600)
        before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
        first, second = (probe.predict(read_out, np.random.default_rng(3)) for _ in range(2))
        assert (first == second).all()
        assert torch.equal(before[0], torch.random.get_rng_state())
        assert (before[1] == np.random.get_state()[1]).all()  # noqa: NPY002

    @pytest.mark.parametrize("surroundings", [torch.no_grad, torch.inference_mode])
    def test_same_value_inside_a_validation_loop(self, probe, surroundings):
        read_out, _ = task(600)
        outside = probe.predict(read_out, np.random.default_rng(3))
        with surroundings():
            inside = probe.predict(read_out, np.random.default_rng(3))
        assert (inside == outside).all()

    def test_a_constant_factor_and_few_rows_do_not_crash(self, probe):
        rng = np.random.default_rng(0)
        latents = rng.normal(size=(6, 2)).astype(np.float32)
        truth = np.stack([np.full(6, 2.5), np.zeros(6), np.zeros(6)], axis=1)
        predictions = probe.predict(ReadOut((latents,), (latents,), truth, FACTORS), rng)
        assert np.isfinite(predictions).all()


def test_a_set_sees_nothing_of_the_others():
    read_out, _ = task(600)
    changed = ReadOut(
        (read_out.train[0], read_out.train[1] * 7 + 1, read_out.train[2]), read_out.test, read_out.truth, FACTORS
    )
    first, second = (QUICK.predict(each, np.random.default_rng(0)) for each in (read_out, changed))
    assert np.allclose(first[[0, 2]], second[[0, 2]], atol=1e-4)
    assert not np.allclose(first[1], second[1], atol=1e-2)


def test_checkpoints_find_a_weak_leak_that_overfitting_hides():
    """Eight latents of noise, one with 0.4 of y mixed in: R2 0.16 / 1.16 = 0.138 of y."""
    rng = np.random.default_rng(0)
    y, latents = rng.normal(size=8000), rng.normal(size=(8000, 8))
    latents[:, 0] += 0.4 * y
    half = latents.astype(np.float32)[:4000], latents.astype(np.float32)[4000:]
    read_out = ReadOut((half[0],), (half[1],), y[:4000, None], (Continuous("y"),))
    settings = {"width": 64, "min_steps": 700}
    plain = MlpProbe("plain", **settings)
    careful = MlpProbe("careful", **settings, held_out=0.2, fit=FitSettings(cosine=True, check_every=50))
    hidden, seen = (r2(p.predict(read_out, rng)[0, :, 0], y[4000:], Continuous("y")) for p in (plain, careful))
    assert hidden < 0.09 and seen == pytest.approx(0.138, abs=0.03)


def test_named_probes_train_as_promised():
    assert set(PROBES) == {"published", "long", "ridge"}
    assert PUBLISHED.num_steps(4000) == 700  # 100 passes of 7 whole batches of 512
    assert LONG.num_steps(3200) == 3000 and LONG.num_steps(100_000) == 78_100
    assert PUBLISHED.width == LONG.width == 128 and PUBLISHED.fit.learning_rate == LONG.fit.learning_rate == 4e-3


def test_heads_round_trip():
    _, truth = task()
    heads = Heads(FACTORS, truth)
    assert heads.num_outputs == 6
    decoded = heads.decode(heads.encode(truth)[None])[0]
    assert np.allclose(decoded, truth)


@pytest.mark.parametrize(
    ("sine", "cosine", "angle"),
    [
        (0.0, 1.0, 0.0),
        (0.5, np.sqrt(0.75), np.pi / 6),
        (1.0, 0.0, np.pi / 2),
        (np.sqrt(0.75), -0.5, 2 * np.pi / 3),
        (0.0, -1.0, np.pi),
        (-0.5, -np.sqrt(0.75), 7 * np.pi / 6),
        (-1.0, 0.0, 3 * np.pi / 2),
        (-0.5, np.sqrt(0.75), 11 * np.pi / 6),
    ],
)
def test_the_sine_comes_first_and_the_cosine_second_in_every_quadrant(sine: float, cosine: float, angle: float) -> None:
    heads = Heads((Angle("a"),), np.array([[angle]]))
    assert np.allclose(heads.encode(np.array([[angle]])), [[sine, cosine]], atol=1e-12)
    predicted = heads.decode(np.array([[[2.5 * sine, 2.5 * cosine]]]))
    assert np.mod(predicted - angle + 1, 2 * np.pi).item() == pytest.approx(1.0)
    assert 0 <= predicted.item() < 2 * np.pi


@pytest.mark.parametrize("probe", [RIDGE, QUICK], ids=lambda probe: probe.name)
def test_probes_predict_angles_in_every_quadrant(probe: MlpProbe | RidgeProbe) -> None:
    turns = np.linspace(0, 2 * np.pi, 800, endpoint=False)
    compass = np.stack([np.cos(turns), np.sin(turns)], axis=1).astype(np.float32)
    angles = np.array([0.3, 1.2, 2.0, 2.9, 3.6, 4.4, 5.0, 6.0])
    test = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    read_out = ReadOut((compass,), (test,), turns[:, None], (Angle("a"),))
    predicted = probe.predict(read_out, np.random.default_rng(0))[0, :, 0]
    assert np.abs(np.mod(predicted - angles + np.pi, 2 * np.pi) - np.pi).max() < 0.1


def test_a_regression_on_categories_gives_logits():
    heads = Heads(FACTORS, task(20)[1])
    outputs = np.array([[[0.4, 0.1, 0.2, 0.5, 0.25, -0.3]]])  # value, sine, cosine, three shares
    targets = [0.4, 0.1, 0.2, np.log(0.5), np.log(0.25), np.log(0.01)]
    assert np.allclose(heads.from_regression(outputs)[0, 0], targets)
    assert outputs[0, 0, 5] == -0.3


def test_head_losses_by_hand():
    truth = np.array([[0.0, 0.0, 1.0], [2.0, np.pi / 2, 2.0]])
    heads = Heads(FACTORS, truth)
    outputs = torch.zeros(1, 2, 6)
    # standardised x is -1 and 1; (sin, cos) has length 1; three equal logits cost log 3
    assert head_losses(heads, outputs, torch.from_numpy(heads.encode(truth)).float()).tolist() == [
        [pytest.approx(1.0), pytest.approx(1.0), pytest.approx(np.log(3))]
    ]


def test_head_slopes_are_the_derivatives_of_the_losses():
    _, truth = task(20)
    heads = Heads(FACTORS, truth)
    targets = torch.from_numpy(heads.encode(truth)).float()
    outputs = torch.randn(3, len(targets), 6, generator=torch.Generator().manual_seed(0), requires_grad=True)
    head_losses(heads, outputs, targets).sum().backward()
    slopes = torch.full_like(outputs, 7.0)
    head_slopes(heads, outputs.detach(), targets, slopes)
    assert torch.allclose(slopes, outputs.grad, atol=1e-6)


def test_regressions_find_fine_structure_that_a_network_needs_long_to_find():
    """y is the sign of sin(15 z): determined by z, but about 0 on average in every interval of z."""
    rng = np.random.default_rng(0)
    z = rng.uniform(-1.7, 1.7, (4000, 1)).astype(np.float32)
    c = (np.sin(15 * z) > 0).astype(np.float64)
    truth = np.concatenate([2 * c - 1, c], axis=1)
    factors = (Continuous("y"), Categorical("c", 2))
    read_out = ReadOut((z[:2000],), (z[2000:],), truth[:2000], factors)
    alone = MlpProbe("alone", width=32, epochs=20, held_out=0.2)
    combined = MlpProbe("combined", width=32, epochs=20, held_out=0.2, sharpness=(30.0,))
    for probe, low, high in ((alone, -0.1, 0.2), (combined, 0.8, 1.0)):
        predicted = probe.predict(read_out, np.random.default_rng(1))[0]
        assert all(low < r2(predicted[:, k], truth[2000:, k], factors[k]) < high for k in range(2))


def test_pack_fills_with_zeros():
    packed = pack([np.ones((2, 1), np.float32), np.full((2, 3), 2, np.float32)])
    assert packed.tolist() == [[[1, 0, 0], [1, 0, 0]], [[2, 2, 2], [2, 2, 2]]]


@pytest.mark.parametrize(
    "broken", [{"width": 0}, {"epochs": 0}, {"min_steps": -1}, {"held_out": 0.9}, {"sharpness": (3.0, 0.1)}]
)
def test_settings_are_checked(broken):
    with pytest.raises(ValueError, match="of a probe must be"):
        MlpProbe("broken", **broken)
