from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trisect.batches import LossTerms, SequenceBatch, Step
from trisect.training import FitOptions, NonFiniteLoss, TrainingResult, fit
from trisect.training.adapter import device_name


def weights(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def assert_same(first: dict[str, Tensor], second: dict[str, Tensor]) -> None:
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], rtol=0, atol=0, msg=name)


def short(toy: ModuleType, folder: Path, module: nn.Module | None = None, **changes: Any) -> TrainingResult:
    """A run of 40 steps; ``changes`` are settings and arguments of `fit`."""
    arguments = {"seed": 0, "progress": False, "signature": "drift"}
    arguments |= {name: changes.pop(name) for name in list(changes) if name in FIT_ARGUMENTS}
    source, held_out = arguments.pop("source", toy.DriftSource()), arguments.pop("held_out", toy.held_out)
    base = replace(toy.SETTINGS, steps=40, validate_every=10, checkpoint_every=20, log_every=10)
    module = fresh(toy) if module is None else module
    options = FitOptions(**arguments)  # type: ignore[arg-type]
    return fit(module, source, held_out, replace(base, **changes), folder, options)


FIT_ARGUMENTS = ("seed", "resume", "progress", "name", "held_out_term", "signature", "source", "held_out")


def fresh(toy: ModuleType, kind: str = "DriftModule") -> Any:
    torch.manual_seed(0)
    return getattr(toy, kind)()


@pytest.fixture(scope="module")
def straight(toy: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """A run of 400 steps without interruption."""
    folder = tmp_path_factory.mktemp("straight")
    return toy.run(folder), folder


def test_the_known_dynamics_are_learned(toy: ModuleType, straight: tuple[Any, Path]) -> None:
    module, _ = straight
    expected = toy.DRIFT * (1 - module.dropout.p)  # dropout is a ridge: E[(x m/(1-p))^2] = E[x^2]/(1-p)
    torch.testing.assert_close(module.linear.weight.T.detach(), expected, atol=0.06, rtol=0)
    assert not module.training


def test_killed_and_resumed_is_the_same_as_straight(
    toy: ModuleType, straight: tuple[Any, Path], tmp_path: Path
) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    child = subprocess.Popen([sys.executable, toy.__file__, str(tmp_path)], env=environment)
    give_up = time.monotonic() + 120
    while not (tmp_path / "last.ckpt").exists() and child.poll() is None and time.monotonic() < give_up:
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    stored = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert stored["history"]["step"] == 200

    resumed = toy.run(tmp_path, resume=True)
    assert_same(weights(straight[0]), weights(resumed))
    mine, theirs = (torch.load(f / "last.ckpt", weights_only=True) for f in (tmp_path, straight[1]))
    assert mine["history"] == theirs["history"]
    assert_same(mine["module"], theirs["module"])
    assert mine["cost"]["wall_seconds"] > stored["cost"]["wall_seconds"]
    assert len(resumed.seen) in range(140, 201)


def test_a_finished_run_returns_at_once(toy: ModuleType, straight: tuple[Any, Path]) -> None:
    module, folder = straight
    again = fresh(toy)
    options = FitOptions(3, resume=True, signature="drift")
    result = fit(again, toy.DriftSource(halt_at=0), toy.held_out, toy.SETTINGS, folder, options)
    assert result.steps == 400
    assert again.seen == []
    assert_same(weights(module), weights(again))


def test_the_validation_interval_changes_no_weight(toy: ModuleType, tmp_path: Path) -> None:
    often, seldom = fresh(toy), fresh(toy)
    first = short(toy, tmp_path / "often", often, validate_every=1, keep="last")
    second = short(toy, tmp_path / "seldom", seldom, validate_every=40, keep="last")
    assert_same(weights(often), weights(seldom))
    assert first.scores[-1] == second.scores[-1]
    assert [step for step, _ in first.scores] == list(range(1, 41))


def test_the_global_generator_is_neither_used_nor_changed(toy: ModuleType, tmp_path: Path) -> None:
    first, second = fresh(toy), fresh(toy)
    short(toy, tmp_path / "a", first)
    torch.manual_seed(123)
    before = torch.get_rng_state()
    short(toy, tmp_path / "b", second)
    assert torch.equal(before, torch.get_rng_state())
    assert_same(weights(first), weights(second))


def test_seeds_differ(toy: ModuleType, tmp_path: Path) -> None:
    first, second = fresh(toy), fresh(toy)
    short(toy, tmp_path / "a", first, seed=0)
    short(toy, tmp_path / "b", second, seed=1)
    assert not torch.equal(first.linear.weight, second.linear.weight)


def test_steps_have_an_index_and_progress(toy: ModuleType, tmp_path: Path) -> None:
    module = fresh(toy)
    short(toy, tmp_path, module, keep="last")
    assert [step.index for step in module.seen] == list(range(40))
    assert [step.progress for step in module.seen] == [k / 40 for k in range(40)]
    assert all(step.training for step in module.seen)
    assert len({step.generator.initial_seed() for step in module.seen}) == 40
    assert int(module.count) == 40


class Slope(nn.Module):
    """The loss is w: every held-out score is w and every gradient 1, so AdamW moves w by the learning rate."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(()))
        self.trace: list[float] = []
        self.fixed: list[int] = []

    def loss(self, batch: SequenceBatch, step: Step) -> LossTerms:
        if not step.training:
            self.fixed.append(step.generator.initial_seed())
        return LossTerms(height=self.w, zero=0 * self.w)

    def after_step(self, step: Step) -> None:
        self.trace.append(float(self.w.detach()))


def test_the_learning_rate_follows_the_schedule(toy: ModuleType, tmp_path: Path) -> None:
    module = Slope()
    short(toy, tmp_path, module, steps=10, learning_rate=0.1, warm_up=0.5, final_learning_rate=0.0)
    moved = torch.tensor([0.0, *module.trace]).diff()
    expected = [0.02, 0.04, 0.06, 0.08, 0.1, 0.0904508, 0.0654508, 0.0345492, 0.0095492, 0.0]
    torch.testing.assert_close(-moved, torch.tensor(expected), atol=1e-5, rtol=0)


def test_held_out_noise_is_the_same_at_every_score(toy: ModuleType, tmp_path: Path) -> None:
    module = Slope()
    short(toy, tmp_path, module)
    rounds = [module.fixed[i : i + 3] for i in range(0, 12, 3)]
    assert rounds == [rounds[0]] * 4
    assert len(set(rounds[0])) == 3


class Valley(Slope):
    """The held-out score is (w + 0.2)^2, and training keeps lowering w: the best weights occur during the run."""

    def loss(self, batch: SequenceBatch, step: Step) -> LossTerms:
        return LossTerms(height=self.w, away=torch.zeros(()) if step.training else (self.w + 0.2).square())


@pytest.mark.parametrize("keep", ["best", "last"])
def test_the_best_by_the_named_term_is_kept(toy: ModuleType, tmp_path: Path, keep: str) -> None:
    module = Valley()
    result = short(
        toy, tmp_path, module, keep=keep, held_out_term="away", learning_rate=0.01, warm_up=0.0, final_learning_rate=1.0
    )
    assert result.best_step == 20
    assert result.criterion == "away"
    assert result.best_score == min(score for _, score in result.scores) < 1e-4
    assert module.w.item() == pytest.approx(-0.2 if keep == "best" else -0.4, abs=1e-3)
    best = torch.load(tmp_path / "best.ckpt", weights_only=True)
    assert float(best["module"]["w"]) == pytest.approx(-0.2, abs=1e-3)
    assert set(best) == {"format", "identity", "criterion", "module", "optimiser", "history", "cost"}


def test_the_best_checkpoint_can_be_resumed(toy: ModuleType, tmp_path: Path) -> None:
    straight, resumed = fresh(toy), fresh(toy)
    short(toy, tmp_path / "straight", straight, keep="last")
    with pytest.raises(ConnectionError):
        short(toy, tmp_path / "broken", source=interrupted(toy, ConnectionError()), keep="last", checkpoint_every=100)
    assert [path.name for path in (tmp_path / "broken").iterdir()] == ["best.ckpt"]
    short(toy, tmp_path / "broken", resumed, keep="last", resume=True)
    assert_same(weights(straight), weights(resumed))


def interrupted(toy: ModuleType, error: BaseException) -> Any:
    """A source that raises at batch 35."""

    class Interrupted(toy.DriftSource):  # type: ignore[misc, name-defined]
        def batch(self, k: int) -> SequenceBatch:
            if k == 35:
                raise error
            return super().batch(k)  # type: ignore[no-any-return]

    return Interrupted()


def test_resume_without_a_checkpoint_starts_a_run(toy: ModuleType, tmp_path: Path) -> None:
    assert short(toy, tmp_path, resume=True).steps == 40


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"resume": False}, "must be without checkpoints; got .*ckpt; pass resume=True"),
        ({"signature": "other"}, "signature of the run in .* must be 'drift'; got 'other'"),
        ({"seed": 5}, "seed of the run in .* must be 0; got 5"),
        ({"steps": 80}, "setting 'steps' of the run in .* must be 40; got 80; resume with the same"),
        ({"held_out_term": "fit"}, "setting 'criterion' of the run in .* must be 'total'; got 'fit'"),
    ],
)
def test_another_run_is_refused(toy: ModuleType, tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    short(toy, tmp_path, steps=40)
    with pytest.raises(ValueError, match=message):
        short(toy, tmp_path, **{"resume": True, **changes})


class Breaks(Slope):
    """Becomes non-finite at step 25, in a loss term or only in the gradient."""

    def __init__(self, what: str):
        super().__init__()
        self.what = what

    def loss(self, batch: SequenceBatch, step: Step) -> LossTerms:
        extra = torch.zeros(len(batch))
        if step.index == 25 and self.what == "term":
            extra = torch.where(torch.arange(len(batch)) == 3, torch.nan, 0.0)
        if step.index == 25 and self.what == "gradient":
            extra = (self.w - self.w.detach()).clamp(min=0).sqrt().expand(len(batch))
        if not step.training and step.index == 29 and self.what == "held-out":
            extra = torch.full((len(batch),), torch.inf)
        return LossTerms(height=self.w, extra=extra)


@pytest.mark.parametrize(
    ("what", "term", "step", "message"),
    [
        ("term", "extra", 25, r"loss term 'extra' must be finite; got nan at step 25, batch 25, examples \[3\]"),
        ("gradient", "gradient", 25, "the gradient of the loss must be finite; got (nan|inf) at step 25, batch 25"),
        ("held-out", "extra", 29, "loss term 'extra' must be finite; got inf at held-out batch 0 after step 29"),
    ],
)
def test_the_first_non_finite_value_stops_the_run(
    toy: ModuleType, tmp_path: Path, what: str, term: str, step: int, message: str
) -> None:
    module = Breaks(what)
    with pytest.raises(NonFiniteLoss, match=message) as caught:
        short(toy, tmp_path, module)
    assert (caught.value.term, caught.value.step) == (term, step)
    assert module.w.isfinite()
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["history"]["step"] == 20


def test_groups_have_their_own_rates(toy: ModuleType, tmp_path: Path) -> None:
    module = fresh(toy, "GroupedModule")
    short(toy, tmp_path, module, steps=1, warm_up=0.0, final_learning_rate=1.0)
    groups = torch.load(tmp_path / "last.ckpt", weights_only=True)["optimiser"]["param_groups"]
    assert [group["lr"] for group in groups] == pytest.approx([0.03, 0.12])
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]


def test_a_parameter_in_no_group_is_refused(toy: ModuleType, tmp_path: Path) -> None:
    module = fresh(toy, "GroupedModule")
    module.extra = nn.Parameter(torch.zeros(2))
    with pytest.raises(ValueError, match="parameter 'extra' of GroupedModule must be in one parameter group; got 0"):
        short(toy, tmp_path, module)


def test_bf16_learns_too(toy: ModuleType, tmp_path: Path) -> None:
    result = short(toy, tmp_path, precision="bf16", steps=100)
    assert result.scores[-1][1] < 0.5 * result.scores[0][1]


@pytest.mark.parametrize("kind", ["csv", "tensorboard"])
def test_loggers_write_files(toy: ModuleType, tmp_path: Path, kind: str) -> None:
    short(toy, tmp_path, logger=kind)
    files = [path for path in (tmp_path / kind / "from_step_0").iterdir() if path.stat().st_size > 0]
    assert files
    if kind == "csv":
        assert "held_out/total" in (tmp_path / kind / "from_step_0" / "metrics.csv").read_text()


def test_log_lines_without_a_terminal(
    toy: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.INFO):
        short(toy, tmp_path, progress=True, name="flow of a test")
    assert [record.getMessage().split(";")[0] for record in caplog.records] == [
        "flow of a test: step 40 of 40, 0 s left"
    ]
    assert capfd.readouterr() == ("", "")


def test_an_interrupt_stays_an_interrupt(toy: ModuleType, tmp_path: Path) -> None:
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        short(toy, tmp_path, source=interrupted(toy, KeyboardInterrupt()))
    assert signal.getsignal(signal.SIGINT) is handler


def nothing() -> Iterator[SequenceBatch]:
    return iter(())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"held_out": nothing}, "the held-out windows must be at least one batch; got none"),
        ({"held_out_term": "fitt"}, "held_out_term must be one of fit, size; got 'fitt'; did you mean 'fit'"),
        ({"seed": -1}, "seed of fit must be an integer of at least 0; got -1"),
    ],
)
def test_wrong_arguments_are_named(toy: ModuleType, tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        short(toy, tmp_path, **changes)


def test_modules_that_cannot_be_trained_are_refused(toy: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"the module to train \(Linear\) must be a torch module with loss"):
        short(toy, tmp_path, nn.Linear(2, 2))
    frozen = fresh(toy).requires_grad_(False)
    with pytest.raises(ValueError, match="must be at least one that requires gradients; got none"):
        short(toy, tmp_path, frozen)


def test_costs_are_counted(toy: ModuleType, tmp_path: Path) -> None:
    result = short(toy, tmp_path)
    assert result.wall_seconds > 0
    assert result.cpu_seconds > 0
    assert result.peak_memory_mb > 50
    assert [step for step, _ in result.terms] == [10, 20, 30, 40]
    assert set(result.terms[0][1]) == {"fit", "size", "total"}


def test_the_device_is_recorded(toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert short(toy, tmp_path, accelerator="cpu").device == "cpu"
    assert short(toy, tmp_path, accelerator="cpu", resume=True).device == "cpu"
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"card {device.index}")
    assert device_name(torch.device("cuda", 1)) == "card 1"
